"""What a section of the report is made of. The template knows how each looks; nothing here is HTML."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from unfreeze.reports.chart import Chart

Shade: TypeAlias = Literal[
    "good", "bad", "even", "off", "heat1", "heat2", "heat3", "heat4", "heat5", "heat6", "heat7", "heat8"
]


def heat(share: float) -> Shade:
    """How dark a cell is that holds this share of its row.

    >>> heat(0), heat(0.01), heat(1)
    ('off', 'heat1', 'heat8')
    """
    levels: tuple[Shade, ...] = ("heat1", "heat2", "heat3", "heat4", "heat5", "heat6", "heat7", "heat8")
    return levels[min(7, int(8 * share))] if share > 0 else "off"


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
    caption: str = ""  # how to read it
    marked: frozenset[tuple[int, int]] = frozenset()
    texts: frozenset[int] = frozenset()  # columns of words, set to the left
    folded: str = ""  # if not empty, the table is hidden behind these words until they are clicked
    values: Sequence[Sequence[float | str | None]] = ()  # what the cells are sorted by; without them it is not sorted
    descending: frozenset[int] = frozenset()  # columns whose best end is the high one: they are sorted downwards first
    shades: Mapping[tuple[int, int], Shade] = field(default_factory=dict)  # how cells of a grid look
    grid: bool = False  # a matrix: cells in the middle, with lines between
    title: str = ""  # what it is, in a few words; empty: the caption says that
    name: str = ""  # of its file of LaTeX; empty: there is none
    paper: Sequence[int] = ()  # the columns that the file holds, where all are too many for a page

    def classes(self, row: int, column: int) -> str:
        """The names under which the page's style knows a cell."""
        cell, words = self.rows[row][column], column in self.texts
        found = [
            "words" if words else "",
            "long" if len(cell) > 24 else "",
            "prose" if len(cell) > 90 else "",
            "best" if (row, column) in self.marked else "",
            self.shades.get((row, column), ""),
        ]
        return " ".join(filter(None, found))

    @property
    def heading(self) -> str:
        """What it is, for a list of tables."""
        return self.title or self.folded or self.caption.partition(". ")[0].rstrip(".")

    def value(self, row: int, column: int) -> str:
        """What a cell is sorted by; empty: it comes last."""
        value = self.values[row][column]
        return "" if value is None else value if isinstance(value, str) else repr(float(value))


@dataclass(frozen=True)
class Image:
    """A figure as an SVG file's content; `alternative` says in words what it shows."""

    kind: ClassVar[str] = "image"
    svg: bytes
    alternative: str
    name: str = ""  # of its files
    chart: Chart | None = None  # the same to be looked into

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
