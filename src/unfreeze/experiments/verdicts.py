"""Every strategy against every other, from the predictions of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unfreeze.experiments.answers import Answers, AnswersOfRuns
from unfreeze.metrics.resampling import ResampledMetric
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.storage.records import RunRecord


def all_verdicts(
    records: Sequence[RunRecord],
    answers: AnswersOfRuns,
    splits: Mapping[str, str],
    metric: str,
    resampled: ResampledMetric,
    *,
    margin: float,
    alpha: float,
) -> list[dict[str, Any]]:
    """The entries of `comparisons` in `comparison.json`: pairs within each model, on each split.

    Args:
        records: finished runs on all of the training data.
        splits: name of a split in the entries -> its name in the predictions; a test set may have its own.
        metric: the name of `resampled`.

    Raises:
        AlignmentError: two runs did not answer the same examples.
    """
    entries: list[dict[str, Any]] = []
    for model in dict.fromkeys(record.model_name for record in records):
        ours = [record for record in records if record.model_name == model]
        for split, name in splits.items():
            by_strategy = answers.by_strategy(ours, name)
            if len(by_strategy) > 1:
                every = [one for by_seed in by_strategy.values() for one in by_seed]
                labels = resampled.labels(row for one in every for row in (*one.gold, *one.predicted))
                counts = {strategy: _counts(resampled, some, labels) for strategy, some in by_strategy.items()}
                entries += compare_pairs(
                    counts,
                    resampled.score,
                    model_name=model,
                    split=split,
                    metric=metric,
                    margin=margin,
                    alpha=alpha,
                )
    return entries


def _counts(
    resampled: ResampledMetric, by_seed: Sequence[Answers], labels: Sequence[str]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Shape (seeds, examples, counts)."""
    return np.stack([resampled.counts(one.gold, one.predicted, labels) for one in by_seed])
