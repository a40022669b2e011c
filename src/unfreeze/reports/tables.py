"""Tables as text files. Everything in them may come from data, so nothing in a cell is taken as syntax."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

from unfreeze.storage.foreign_text import markdown_text, spreadsheet_cell

Cell = str | float | int | None
_WIDEST = 60  # to which a cell is padded for readers of the bare text


def to_csv(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Comma-separated values; None is an empty cell, and no text can become a formula in a spreadsheet.

    >>> to_csv(["name", "score"], [["=1+1", -0.5], ["b", None]])
    "name,score\\n'=1+1,-0.5\\nb,\\n"
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_neutral(cell) for cell in row] for row in (header, *rows))
    return stream.getvalue()


def to_markdown(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    bold: Collection[tuple[int, int]] = (),
    texts: Collection[int] = (),
) -> str:
    """A GitHub table, columns aligned also for readers of the bare text, but for very long cells.

    Args:
        bold: (row, column) of the cells to set in bold, counted from 0.
        texts: columns of words, set to the left as the first one is.

    >>> print(to_markdown(["a", "b"], [["x|y", "1"]], bold={(0, 1)}), end="")
    | a    |     b |
    | :--- | ----: |
    | x\\|y | **1** |
    """
    cells = [[markdown_text(cell) for cell in header]]
    for number, row in enumerate(rows):
        line = [markdown_text(cell) for cell in row]
        cells.append([f"**{cell}**" if cell and (number, i) in bold else cell for i, cell in enumerate(line)])
    widths = [max(4, *(min(_WIDEST, len(row[i])) for row in cells)) for i in range(len(header))]
    left = {0, *texts}
    written = [
        _line(
            [cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        )
        for row in cells
    ]
    rule = [":" + "-" * (w - 1) if i in left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([written[0], _line(rule), *written[1:]]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _neutral(cell: Cell) -> Cell:
    return spreadsheet_cell(cell) if isinstance(cell, str) else cell
