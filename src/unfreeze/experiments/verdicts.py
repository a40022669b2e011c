"""Every strategy against every other, from the predictions of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from unfreeze.experiments.answers import Answers, AnswersOfRuns
from unfreeze.metrics.resampling import example_counts, score_of_counts
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.storage.records import RunRecord


def all_verdicts(
    records: Sequence[RunRecord],
    answers: AnswersOfRuns,
    splits: Mapping[str, str],
    metric: str,
    *,
    margin: float,
    alpha: float,
) -> list[dict[str, Any]]:
    """The entries of `comparisons` in `comparison.json`: pairs within each model, on each split.

    Args:
        records: finished runs on all of the training data.
        splits: name of a split in the entries -> its name in the predictions; a test set may have its own.
        metric: one of `metrics.resampling.RESAMPLED_METRICS`.

    Raises:
        AlignmentError: two runs did not answer the same examples.
    """
    entries: list[dict[str, Any]] = []
    for model in dict.fromkeys(record.model_name for record in records):
        ours = [record for record in records if record.model_name == model]
        for split, name in splits.items():
            by_strategy = answers.by_strategy(ours, name)
            if len(by_strategy) > 1:
                labels = _all_labels(by_strategy.values())
                counts = {strategy: _counts(metric, some, labels) for strategy, some in by_strategy.items()}
                entries += compare_pairs(
                    counts,
                    lambda totals: score_of_counts(metric, totals),
                    model_name=model,
                    split=split,
                    metric=metric,
                    margin=margin,
                    alpha=alpha,
                )
    return entries


def _counts(metric: str, by_seed: Sequence[Answers], labels: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Shape (seeds, examples, counts)."""
    return np.stack([example_counts(metric, one.gold, one.predicted, labels) for one in by_seed])


def _all_labels(by_strategy: Iterable[Sequence[Answers]]) -> list[str]:
    """Every label in any prediction, so that the counts of all strategies line up."""
    found: set[str] = set()
    for by_seed in by_strategy:
        for one in by_seed:
            for row in (*one.gold, *one.predicted):
                found.update([row] if isinstance(row, str) else row)
    return sorted(found)
