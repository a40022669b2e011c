"""Label names and their ids, built from the training data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LabelSet:
    """The labels in the order of their ids.

    >>> labels = LabelSet.from_labels(["joy", "anger", "joy"])
    >>> labels.names, labels.id("joy")
    (('anger', 'joy'), 1)
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"labels are not unique: {', '.join(self.names)}")

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> LabelSet:
        """Sort the distinct labels: numbers by value, `O` first among tags, all else by name."""
        return cls(tuple(sorted(set(labels), key=_label_order)))

    @classmethod
    def from_mapping(cls, id2label: Mapping[int | str, str]) -> LabelSet:
        """Read the `id2label` of a saved `config.json`; the ids must run from 0 without a gap."""
        by_id = {int(key): name for key, name in id2label.items()}
        if sorted(by_id) != list(range(len(by_id))):
            raise ValueError(f"id2label has the ids {sorted(by_id)}, expected 0 to {len(by_id) - 1}")
        return cls(tuple(by_id[i] for i in range(len(by_id))))

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def id(self, name: str) -> int:
        """The id of a label; KeyError names the label and what is known."""
        try:
            return self.id_by_name[name]
        except KeyError:
            raise KeyError(f"label {name!r} is not among the training labels: {', '.join(self.names)}") from None

    @property
    def id_by_name(self) -> dict[str, int]:
        """`label2id` as the Hugging Face config wants it."""
        return {name: i for i, name in enumerate(self.names)}

    @property
    def name_by_id(self) -> dict[int, str]:
        """`id2label` as the Hugging Face config wants it."""
        return dict(enumerate(self.names))


def _label_order(name: str) -> tuple[int, float, str]:
    if name == "O":
        return (0, 0.0, name)
    try:
        return (1, float(name), name)
    except ValueError:
        return (2, 0.0, name)
