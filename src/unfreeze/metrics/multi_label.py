"""Scores of any number of labels for each text, equal to scikit-learn's with `zero_division=0`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfreeze.metrics.classification import Counts
from unfreeze.metrics.resampling import Counts as CountArray
from unfreeze.metrics.resampling import ResampledMetric, ratio

Rows = Sequence[Sequence[str]]


def multi_label_scores(gold: Rows, predicted: Rows) -> dict[str, float]:
    """Micro, macro and weighted precision, recall and F1, and the share of texts with all labels right.

    Averages run over the labels that occur in `gold` or `predicted`.

    >>> scores = multi_label_scores([["a", "b"], ["a"]], [["a"], ["a"]])
    >>> scores["micro_f1"], scores["macro_f1"], scores["subset_accuracy"]
    (0.8, 0.5, 0.5)
    """
    by_label = _by_label(gold, predicted)
    values = list(by_label.values())
    total = Counts(*(sum(getattr(one, name) for one in values) for name in ("true_positives", "predicted", "gold")))
    scores = {}
    for name in ("precision", "recall", "f1"):
        scores[f"micro_{name}"] = float(getattr(total, name))
        scores[f"macro_{name}"] = sum(getattr(one, name) for one in values) / max(len(values), 1)
        scores[f"weighted_{name}"] = sum(getattr(one, name) * one.gold for one in values) / max(total.gold, 1)
    scores["subset_accuracy"] = SubsetAccuracy().of(gold, predicted)
    return scores


def multi_label_scores_by_label(gold: Rows, predicted: Rows) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each label, sorted by label."""
    return {label: counts.as_dict() for label, counts in _by_label(gold, predicted).items()}


@dataclass(frozen=True)
class SubsetAccuracy(ResampledMetric):
    """The share of texts with all labels right."""

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> CountArray:
        rows = [(float(set(g) == set(p)), 1.0) for g, p in zip(gold, predicted, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def score(self, totals: CountArray) -> CountArray:
        return ratio(totals[..., 0], totals[..., 1])


def _by_label(gold: Rows, predicted: Rows) -> dict[str, Counts]:
    counts: dict[str, list[int]] = {}
    for g, p in zip(gold, predicted, strict=True):
        for label in {*g, *p}:
            row = counts.setdefault(label, [0, 0, 0])
            row[0] += label in g and label in p
            row[1] += label in p
            row[2] += label in g
    return {label: Counts(*counts[label]) for label in sorted(counts)}
