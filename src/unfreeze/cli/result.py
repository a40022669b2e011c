"""What a comparison ends with: leaderboard, recommendation, where report and model are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unfreeze.cli.terminal import one_line

if TYPE_CHECKING:
    from unfreeze.experiments.conclude import Comparison
    from unfreeze.reports.leaderboard import Row


def print_result(comparison: Comparison, report: Path) -> None:
    """Print it for people."""
    from unfreeze.cli.leaderboard import print_leaderboard

    print_leaderboard(rows_of(comparison))
    print()
    recommendation = comparison.summary["recommendation"]
    if recommendation["strategy"] is not None:
        print(f"recommended: {one_line(recommendation['strategy'])}")
    for reason in recommendation["reasons"]:
        print(f"  - {one_line(reason)}")
    print()
    print(f"report: {one_line(str(report))}")
    if recommendation["strategy"] is not None:
        print(f"model:  {one_line(str(comparison.best / 'model'))}")


def rows_of(comparison: Comparison) -> list[Row]:
    """The leaderboard of a comparison."""
    from unfreeze.reports.leaderboard import leaderboard

    return leaderboard(comparison.records, comparison.summary.get("speeds") or [])
