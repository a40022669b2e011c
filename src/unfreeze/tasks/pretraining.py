"""What tasks on plain text have in common: what is right they make themselves, so predictions carry it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from unfreeze.batching.features import Features
from unfreeze.data.examples import Example, PassageExample
from unfreeze.data.labels import LabelSet
from unfreeze.tasks.task import Answer, Comparable, Prediction, Task


@dataclass(frozen=True)
class SelfMade(Prediction):
    """What the network says of one passage, several times, and what would have been right."""

    gold: tuple[str, ...] = ()

    def as_json(self, gold: Answer | None) -> dict[str, Any]:
        """The line that `predictions.jsonl` holds; what a file says of a passage is nothing."""
        return super().as_json(self.gold)


@dataclass(frozen=True)
class Objective(Task):
    """A task whose labels come out of the text itself."""

    peft_type: ClassVar[str | None] = None
    has_labels: ClassVar[bool] = False
    learns_encoder: ClassVar[bool] = True

    @abstractmethod
    def label_names(self) -> tuple[str, ...]:
        """What an item may be, in the order of the ids of the labels."""

    @classmethod
    def head_classes(cls, config: Any) -> list[str]:
        # A head for other labels of that number answers something else.
        names = tuple(str(config.id2label[i]) for i in sorted(config.id2label))
        own = cls().label_names()
        return [one for one in super().head_classes(config) if one != cls.auto_class or own in ((), names)]

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        return LabelSet(self.label_names())

    def gold(self, example: Example) -> Answer | None:
        assert isinstance(example, PassageExample)
        return ()

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        """All items of a passage in their order; of each window `reduce` gives (gold, said, probability) lists."""
        rows: list[list[tuple[str, str, float]]] = [[] for _ in examples]
        for window, items in zip(features, reduced, strict=True):
            rows[window.example] += items
        return [
            SelfMade(
                i,
                tuple(said for _, said, _ in items),
                tuple(score for *_, score in items),
                tuple(gold for gold, *_ in items),
            )
            for i, items in enumerate(rows)
        ]

    def pairs_of(self, predictions: Sequence[Prediction]) -> tuple[list[str], list[str]]:
        """What was right and what was said, item by item."""
        found = [one for one in predictions if isinstance(one, SelfMade)]
        gold = [item for one in found for item in one.gold]
        return gold, [item for one in found if isinstance(one.predicted, tuple) for item in one.predicted]

    @classmethod
    def comparable(cls, row: Mapping[str, Any]) -> Comparable | None:
        # Nobody reads through hidden tokens for label errors: there are none.
        return None
