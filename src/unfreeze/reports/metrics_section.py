"""Every score that the task measures, where the leaderboard shows the one that selects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from unfreeze.reports.blocks import Section, Table
from unfreeze.reports.groups import Group, is_better_high
from unfreeze.reports.leaderboard import SeedScores, seed_scores
from unfreeze.reports.results import Results
from unfreeze.storage.records import RunRecord

CAPTION = "mean over seeds ± half of the 95 % interval (Student's t)."
MARKED = " The best of each column is marked."


def every_metric(results: Results) -> Section:
    """A table of all metrics on test, and a folded one on validation."""
    test = _table(results, "test", lambda run: run.test)
    validation = _table(results, "validation", lambda run: run.validation)
    if test.rows:
        validation = replace(validation, folded="All metrics on validation")
    return Section("All metrics", [table for table in (test, validation) if table.rows])


def _table(results: Results, split: str, scores: Callable[[RunRecord], Mapping[str, float]]) -> Table:
    groups = [group for group in results.groups if any(map(scores, group.counted))]
    found = dict.fromkeys(metric for group in groups for run in group.counted for metric in scores(run))
    metrics = sorted(found, key=lambda metric: not _for_papers(metric))  # what is looked at most, first
    cells = [[_over_seeds(group, scores, metric) for metric in metrics] for group in groups]
    best = set()
    for i, metric in enumerate(metrics):
        known = {row: cell.mean for row, line in enumerate(cells) if (cell := line[i]) is not None}
        if len(set(known.values())) > 1 and results.are_comparable:
            good = (max if is_better_high(metric) else min)(known.values())
            best |= {(row, 1 + i) for row, mean in known.items() if mean == good}
    return Table(
        ["strategy", *(metric.replace("_", " ") for metric in metrics)],
        [
            [group.label, *("" if cell is None else str(cell) for cell in line)]
            for group, line in zip(groups, cells, strict=True)
        ],
        f"{split.capitalize()}: {CAPTION}{MARKED if results.are_comparable else ''}",
        frozenset(best),
        values=[
            [group.label, *(None if cell is None else cell.mean for cell in line)]
            for group, line in zip(groups, cells, strict=True)
        ],
        descending=frozenset(1 + i for i, metric in enumerate(metrics) if is_better_high(metric)),
        title=f"All metrics on {split}, mean over seeds ± half of the 95 % interval",
        name=f"metrics-{split}",
        paper=[0, *(1 + i for i, metric in enumerate(metrics) if _for_papers(metric))],
    )


def _for_papers(metric: str) -> bool:
    """Not the parts that an F1 is made of, nor the loss: with them the table would be wider than a page."""
    return not metric.endswith(("precision", "recall", "loss"))


def _over_seeds(group: Group, scores: Callable[[RunRecord], Mapping[str, float]], metric: str) -> SeedScores | None:
    return seed_scores([scores(run)[metric] for run in group.counted if metric in scores(run)])
