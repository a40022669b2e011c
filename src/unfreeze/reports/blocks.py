"""What a section of the report is made of. The template knows how each looks; nothing here is HTML."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Paragraph:
    """Running text; `strong` for the sentence that must not be missed."""

    kind: ClassVar[str] = "paragraph"
    text: str
    strong: bool = False


@dataclass(frozen=True)
class Bullets:
    """Short sentences one below the other."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[str]
    folded: str = ""  # if not empty, they are hidden behind these words until they are clicked


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column names the row. `marked` holds (row, column) of the cells to point out."""

    kind: ClassVar[str] = "table"
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    marked: frozenset[tuple[int, int]] = frozenset()
    texts: frozenset[int] = frozenset()  # columns of words, set to the left
    folded: str = ""  # if not empty, the table is hidden behind these words until they are clicked


@dataclass(frozen=True)
class Image:
    """A figure as an SVG file's content; `alternative` says in words what it shows."""

    kind: ClassVar[str] = "image"
    svg: bytes
    alternative: str

    @property
    def address(self) -> str:
        """The file inside its own address, so that the page needs no other file."""
        return f"data:image/svg+xml;base64,{b64encode(self.svg).decode('ascii')}"


@dataclass(frozen=True)
class Code:
    """Something to copy into a terminal."""

    kind: ClassVar[str] = "code"
    text: str


Block = Paragraph | Bullets | Table | Image | Code


@dataclass(frozen=True)
class Section:
    """A title and what stands below it; a section without blocks is not shown."""

    title: str
    blocks: Sequence[Block]
