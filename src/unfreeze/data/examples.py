"""What a reader yields: one example as it stands in the file, before any tokenizer has seen it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an example was read: a file (or a name for in-memory data) and its first line, counted from 1."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class TextExample:
    """A text and its label; the label is None where the file has none (prediction)."""

    text: str
    label: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class TaggedExample:
    """The words of a sentence and one tag a word; tags are None where the file has none (prediction)."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        if self.tags is not None and len(self.tags) != len(self.words):
            raise ValueError(f"{self.origin}: {len(self.words)} words but {len(self.tags)} tags")


Example: TypeAlias = TextExample | TaggedExample


def lower_cased(example: Example) -> Example:
    """The example in lower case; labels stay as they are."""
    if isinstance(example, TaggedExample):
        return replace(example, words=tuple(word.lower() for word in example.words))
    return replace(example, text=example.text.lower())
