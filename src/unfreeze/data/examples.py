"""What a reader yields: one example as it stands in the file, before any tokenizer has seen it.

Each kind of example answers for itself, so that splitting, hashing and most checks know no kinds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from unfreeze.data.sentences import sentences_of

Objective: TypeAlias = Literal["masked-lm", "translation-lm", "next-sentence", "sentence-order", "replaced-token"]
Labelled: TypeAlias = Literal["classification", "tagging", "question-answering", "multi-label", "regression"]
TaskName: TypeAlias = Literal[Labelled, Objective]

PRETRAINING: tuple[Objective, ...] = get_args(Objective)  # what is learnt from plain text
TASK_NAMES: tuple[str, ...] = get_args(TaskName)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an example was read: a file (or a name for in-memory data) and its first line, counted from 1."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Example(ABC):
    """What every kind of example answers."""

    __slots__ = ()
    task: ClassVar[Any]  # what such examples are read for: a `TaskName`
    stratified: ClassVar[bool] = False  # are made splits to have the labels in the same proportions?
    origin: Origin | None

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """The texts or words of which it consists, without its labels."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """Its labels in their order; empty if it has none."""

    @property
    @abstractmethod
    def is_labelled(self) -> bool:
        """Can it be trained on and scored?"""

    @abstractmethod
    def relabelled(self, names: Mapping[str, str]) -> Example:
        """The same with each label replaced by its name; every label has one."""

    @abstractmethod
    def lower_cased(self) -> Example:
        """The same in lower case; labels stay as they are."""

    @property
    def document(self) -> tuple[str, ...]:
        """What several examples may share; those that do stay together when a split is made."""
        return self.parts

    @property
    def shown(self) -> str:
        """The parts as one text, for a person to read."""
        return " ".join(self.parts)

    @property
    def content(self) -> list[Any]:
        """All that is learnt from, as plain values: what a hash of the data runs over."""
        return [list(self.parts), list(self.labels)]


class _Texts(Example):
    """What examples made of one text, or of two, have in common."""

    __slots__ = ()
    text: str
    pair: str | None

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.text,) if self.pair is None else (self.text, self.pair)

    def lower_cased(self) -> Any:
        pair = self.pair if self.pair is None else self.pair.lower()
        return replace(self, text=self.text.lower(), pair=pair)  # type: ignore[type-var]


@dataclass(frozen=True, slots=True)
class TextExample(_Texts):
    """A text, or a pair of texts, and its label; the label is None where the file has none (prediction)."""

    text: str
    label: str | None = None
    origin: Origin | None = None
    pair: str | None = None
    task: ClassVar[TaskName] = "classification"
    stratified: ClassVar[bool] = True

    @property
    def labels(self) -> tuple[str, ...]:
        return () if self.label is None else (self.label,)

    @property
    def is_labelled(self) -> bool:
        return self.label is not None

    def relabelled(self, names: Mapping[str, str]) -> TextExample:
        return self if self.label is None else replace(self, label=names[self.label])


@dataclass(frozen=True, slots=True)
class MultiLabelExample(_Texts):
    """A text, or a pair, and all labels that hold for it, none for (); None where the file does not tell."""

    text: str
    names: tuple[str, ...] | None = None
    origin: Origin | None = None
    pair: str | None = None
    task: ClassVar[TaskName] = "multi-label"

    @property
    def labels(self) -> tuple[str, ...]:
        return self.names or ()

    @property
    def is_labelled(self) -> bool:
        return self.names is not None

    def relabelled(self, names: Mapping[str, str]) -> MultiLabelExample:
        return self if self.names is None else replace(self, names=tuple(names[name] for name in self.names))


@dataclass(frozen=True, slots=True)
class NumberExample(_Texts):
    """A text, or a pair, and a number; None where the file does not tell."""

    text: str
    value: float | None = None
    origin: Origin | None = None
    pair: str | None = None
    task: ClassVar[TaskName] = "regression"

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def is_labelled(self) -> bool:
        return self.value is not None

    def relabelled(self, names: Mapping[str, str]) -> NumberExample:
        return self

    @property
    def content(self) -> list[Any]:
        return [list(self.parts), self.value]


@dataclass(frozen=True, slots=True)
class TaggedExample(Example):
    """The words of a sentence and one tag a word; tags are None where the file has none (prediction)."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    origin: Origin | None = None
    task: ClassVar[TaskName] = "tagging"

    def __post_init__(self) -> None:
        if self.tags is not None and len(self.tags) != len(self.words):
            raise ValueError(f"{self.origin}: {len(self.words)} words but {len(self.tags)} tags")

    @property
    def parts(self) -> tuple[str, ...]:
        return self.words

    @property
    def labels(self) -> tuple[str, ...]:
        return self.tags or ()

    @property
    def is_labelled(self) -> bool:
        return self.tags is not None

    def relabelled(self, names: Mapping[str, str]) -> TaggedExample:
        return self if self.tags is None else replace(self, tags=tuple(names[tag] for tag in self.tags))

    def lower_cased(self) -> TaggedExample:
        return replace(self, words=tuple(word.lower() for word in self.words))


@dataclass(frozen=True, slots=True)
class PassageExample(_Texts):
    """Plain text to pretrain on; `pair` is its translation, where there is one."""

    text: str
    objective: Objective
    origin: Origin | None = None
    pair: str | None = None

    @property
    def task(self) -> Objective:
        """What it is read for, which the text itself does not tell."""
        return self.objective

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences of the text."""
        return sentences_of(self.text)

    def lower_cased(self) -> PassageExample:
        """A line for each sentence: without its capitals a text does not tell where they begin."""
        lines = "\n".join(self.sentences).lower()
        return replace(self, text=lines, pair=self.pair and self.pair.lower())

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def is_labelled(self) -> bool:
        return True

    def relabelled(self, names: Mapping[str, str]) -> PassageExample:
        return self
