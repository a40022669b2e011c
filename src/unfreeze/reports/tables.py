"""Tables as text files. Everything in them may come from data, so nothing in a cell is taken as syntax."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

from unfreeze.storage.foreign_text import markdown_text, spreadsheet_cell

Cell = str | float | int | None


def to_csv(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Comma-separated values; None is an empty cell, and no text can become a formula in a spreadsheet.

    >>> to_csv(["name", "score"], [["=1+1", -0.5], ["b", None]])
    "name,score\\n'=1+1,-0.5\\nb,\\n"
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_neutral(cell) for cell in row] for row in (header, *rows))
    return stream.getvalue()


def to_markdown(header: Sequence[str], rows: Sequence[Sequence[str]], *, bold: Collection[tuple[int, int]] = ()) -> str:
    """A GitHub table, columns aligned also for readers of the bare text.

    Args:
        bold: (row, column) of the cells to set in bold, counted from 0.

    >>> print(to_markdown(["a", "b"], [["x|y", "1"]], bold={(0, 1)}), end="")
    | a    |     b |
    | :--- | ----: |
    | x\\|y | **1** |
    """
    cells = [[markdown_text(cell) for cell in header]]
    for number, row in enumerate(rows):
        texts = [markdown_text(cell) for cell in row]
        cells.append([f"**{t}**" if t and (number, i) in bold else t for i, t in enumerate(texts)])
    widths = [max(4, *(len(row[i]) for row in cells)) for i in range(len(header))]
    lines = [
        _line([cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))])
        for row in cells
    ]
    rule = [":" + "-" * (w - 1) if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([lines[0], _line(rule), *lines[1:]]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _neutral(cell: Cell) -> Cell:
    return spreadsheet_cell(cell) if isinstance(cell, str) else cell
