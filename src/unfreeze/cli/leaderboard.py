"""The leaderboard as it is printed at the end of a comparison: short and aligned."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from unfreeze.cli.tables import print_ruled
from unfreeze.cli.terminal import one_line
from unfreeze.reports.leaderboard import Row

MISSING = "-"


def print_leaderboard(rows: Sequence[Row]) -> None:
    """A ruled table in a terminal that is wide enough for one, plain text elsewhere."""
    header, *cells = leaderboard_cells(rows)
    if not (sys.stdout.isatty() and print_ruled("", header, cells)):
        print(leaderboard_text(rows))


def leaderboard_text(rows: Sequence[Row]) -> str:
    """One line for each strategy; the full table, with every cost, is in `leaderboard.md`."""
    cells = leaderboard_cells(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(_aligned(cell, width, i) for i, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def leaderboard_cells(rows: Sequence[Row]) -> list[list[str]]:
    """The header and a line for each strategy."""
    metric = rows[0].metric if rows else "score"
    header = ["strategy", f"validation {metric}", f"test {metric}", "seeds", "trained", "seconds", "FLOPs of full"]
    timed = any(row.texts_per_second is not None for row in rows)
    header += ["texts/s"] if timed else []
    return [[*map(one_line, header)]] + [
        [
            one_line(row.label),
            _text(row.validation),
            _text(row.test),
            str(row.seeds),
            MISSING if row.trainable_share is None else f"{100 * row.trainable_share:.2f} %",
            MISSING if row.train_seconds is None else f"{row.train_seconds:.1f}",
            MISSING if row.flops_of_full is None else f"{100 * row.flops_of_full:.0f} %",
            *([MISSING if row.texts_per_second is None else f"{row.texts_per_second:,.0f}"] if timed else []),
        ]
        for row in rows
    ]


def _text(scores: object) -> str:
    return MISSING if scores is None else str(scores)


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
