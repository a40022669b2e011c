"""The leaderboard as it is printed at the end of a comparison: short and aligned."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from unfreeze.cli.tables import fits, print_in_parts, print_table
from unfreeze.reports.leaderboard import Row

MISSING = "-"


def print_leaderboard(rows: Sequence[Row]) -> None:
    """One line for each strategy; the full table, with every cost, is in `leaderboard.md`.

    In a terminal that is too narrow for it costs stand below scores.
    """
    metric = rows[0].metric if rows else "score"
    header = ["strategy", f"validation {metric}", f"test {metric}", "seeds", "trained", "seconds", "FLOPs of full"]
    timed = any(row.texts_per_second is not None for row in rows)
    header += ["texts/s"] if timed else []
    cells = [
        [
            row.label,
            _text(row.validation),
            _text(row.test),
            str(row.seeds),
            MISSING if row.trainable_share is None else f"{100 * row.trainable_share:.2f} %",
            MISSING if row.fit_seconds is None else f"{row.fit_seconds:.1f}",
            MISSING if row.flops_of_full is None else f"{100 * row.flops_of_full:.0f} %",
            *([MISSING if row.texts_per_second is None else f"{row.texts_per_second:,.0f}"] if timed else []),
        ]
        for row in rows
    ]
    if fits(header, cells):
        print_table("", header, cells)
    else:
        print_in_parts("", header, cells, shutil.get_terminal_size().columns)


def _text(scores: object) -> str:
    return MISSING if scores is None else str(scores)
