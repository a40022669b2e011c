"""Tables on the command line: ruled ones in a terminal, plain text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unfreeze.cli.terminal import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with its first column on the left and the others on the right. Each cell stays on its line.

    A title stands above it, after an empty line.
    """
    title, header, rows = one_line(title), [*map(one_line, header)], [[*map(one_line, row)] for row in rows]
    if title:
        print()
    if sys.stdout.isatty() and _print_ruled(title, header, rows):
        return
    if title:
        print(title)
    from rich.cells import cell_len  # letters of wide scripts take two places

    widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
    for line in (header, ["-" * width for width in widths], *rows):
        padding = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        others = [space + cell for space, cell in zip(padding[1:], line[1:], strict=True)]
        print("  ".join([line[0] + padding[0], *others]))


def print_in_parts(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> None:
    """A table that is wider than `width` in parts below each other, each with the first column."""
    from rich.cells import cell_len

    header, rows = [*map(one_line, header)], [[*map(one_line, row)] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
    parts: list[list[int]] = [[]]
    for column in range(1, len(header)):
        taken = widths[0] + sum(2 + widths[one] for one in (*parts[-1], column))
        if parts[-1] and taken > width:
            parts.append([])
        parts[-1].append(column)
    for number, part in enumerate(parts):
        kept = [0, *part]
        said = f"{title} (continued)" if title and number else title
        print_table(said, [header[i] for i in kept], [[row[i] for i in kept] for row in rows])


def fits(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Would it be printed whole: ruled within a terminal, or where there is none?"""
    return not sys.stdout.isatty() or _ruled(header, rows)[2]


def _print_ruled(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Print a ruled table, in which headers wrap; False if it would have to cut or wrap a cell."""
    console, table, fitting = _ruled(header, rows, title)
    if fitting:
        console.print(table)
    return fitting


def _ruled(header: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> tuple[Console, Table, bool]:
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(
        title=escape(title) or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name, *cells in zip(header, *rows, strict=True):
        width = max(map(cell_len, (*name.split(), *cells)))
        table.add_column(name, justify="right" if table.columns else "left", width=width)
    for row in rows:
        table.add_row(*map(escape, row))
    wanted = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    return console, table, wanted <= console.width
