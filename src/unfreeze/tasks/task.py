"""What every task answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from unfreeze.batching.features import Batch, Encoded, Features
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase


class TaskError(ValueError):
    """The task cannot do what its settings ask for; the message says the way out."""


@dataclass(frozen=True)
class Prediction:
    """What the network says of one example. The label or the tags by name, with their probabilities."""

    example: int
    predicted: str | tuple[str, ...]
    scores: tuple[float, ...]  # for a text: the probability of each label; for words: of each chosen tag

    def as_json(self, gold: str | tuple[str, ...] | None) -> dict[str, Any]:
        """The line that `predictions.jsonl` holds for this example."""
        return {
            "index": self.example,
            "gold": list(gold) if isinstance(gold, tuple) else gold,
            "predicted": list(self.predicted) if isinstance(self.predicted, tuple) else self.predicted,
            "scores": [round(score, 6) for score in self.scores],
        }


Gold = TypeVar("Gold", str, tuple[str, ...])


def required(gold: Gold | None, example: Example) -> Gold:
    """The label or tags of an example that must have them.

    Raises:
        TaskError: it has none.
    """
    if gold is None:
        raise TaskError(f"{example.origin or example}: has no label, but is to be trained on or scored.")
    return gold


class Task(ABC):
    """What differs between text classification, tagging and other tasks.

    A task of your own is a frozen dataclass that derives from this class; its fields are its settings.
    """

    name: ClassVar[str]
    auto_class: ClassVar[str]  # the stock network with the right head, e.g. "AutoModelForTokenClassification"
    peft_type: ClassVar[str]  # peft's task type, written into saved adapters
    pipeline: ClassVar[str]  # the Hugging Face pipeline that runs the saved model
    static_inputs: ClassVar[bool] = True  # is an example encoded the same way in every epoch?
    scores_vocabulary: ClassVar[bool] = False  # does the loss run over the whole vocabulary?

    @classmethod
    def for_labels(cls, labels: LabelSet) -> Task:
        """The task of a model of which only the labels are known. By default: the task with its default settings."""
        return cls()

    @property
    @abstractmethod
    def selection_metric(self) -> str:
        """The score that selects epochs and strategies; higher is better."""

    @abstractmethod
    def labels(self, examples: Sequence[Example]) -> LabelSet:
        """The labels that occur in the training examples."""

    @abstractmethod
    def gold(self, example: Example) -> str | tuple[str, ...] | None:
        """What the file says of this example."""

    @abstractmethod
    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        """Examples to windows of at most `max_length` tokens; `labelled=False` ignores their labels."""

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(sum of the loss, number of units it sums over); the loop divides by the units of the whole step."""

    @abstractmethod
    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        """What decoding needs of each window, so that logits need not be kept."""

    @abstractmethod
    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, num_examples: int
    ) -> list[Prediction]:
        """Windows merged to one prediction for each example, in the order of the examples."""

    @abstractmethod
    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        """The metrics, by name, over original texts or words."""

    @abstractmethod
    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support for each label, tag or entity type."""
