"""Scores of resampled test sets without scoring them anew: counts for each example, and the score of their sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unfreeze.metrics.entities import sentence_counts

Row = str | Sequence[str]  # one label for a text, or one tag for each word

RESAMPLED_METRICS = ("accuracy", "macro_f1", "weighted_f1", "entity_f1")


def example_counts(
    metric: str, gold: Sequence[Row], predicted: Sequence[Row], labels: Sequence[str] | None = None
) -> npt.NDArray[np.float64]:
    """Counts of each example, shape (examples, counts): their sums over any examples give the metric there.

    Two arrays can be compared only if they were made with the same `labels`.

    Raises:
        ValueError: the metric is not a function of such sums.
    """
    if metric == "accuracy":
        rows = [(sum(g == p for g, p in zip(*pair, strict=True)), len(pair[0])) for pair in _words(gold, predicted)]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)
    if metric == "entity_f1":
        counts = [sentence_counts(g, p) for g, p in zip(gold, predicted, strict=True)]
        triples = [(c.true_positives, c.predicted, c.gold) for c in counts]
        return np.array(triples, dtype=np.float64).reshape(-1, 3)
    if metric in ("macro_f1", "weighted_f1"):
        return _label_counts(gold, predicted, labels)
    raise ValueError(f"{metric} cannot be resampled; expected one of {', '.join(RESAMPLED_METRICS)}")


def score_of_counts(metric: str, totals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The metric from summed counts of shape (..., counts); shape (...).

    >>> counts = example_counts("accuracy", ["a", "b"], ["a", "a"])
    >>> float(score_of_counts("accuracy", counts.sum(0)))
    0.5
    """
    if metric == "accuracy":
        return _ratio(totals[..., 0], totals[..., 1])
    if metric == "entity_f1":
        return _ratio(2 * totals[..., 0], totals[..., 1] + totals[..., 2])
    by_label = totals.reshape(*totals.shape[:-1], totals.shape[-1] // 3, 3)  # (..., labels, 3)
    f1 = _ratio(2 * by_label[..., 0], by_label[..., 1] + by_label[..., 2])
    if metric == "weighted_f1":
        return _ratio((f1 * by_label[..., 2]).sum(-1), by_label[..., 2].sum(-1))
    # A label that neither occurs nor is predicted is not averaged over, as in scikit-learn.
    occurs = by_label[..., 1] + by_label[..., 2] > 0
    return _ratio((f1 * occurs).sum(-1), occurs.sum(-1).astype(np.float64))


def _label_counts(
    gold: Sequence[Row], predicted: Sequence[Row], labels: Sequence[str] | None
) -> npt.NDArray[np.float64]:
    pairs = _words(gold, predicted)
    known = labels or sorted({label for pair in pairs for side in pair for label in side})
    position = {label: i for i, label in enumerate(known)}
    counts = np.zeros((len(pairs), len(known), 3))
    for row, (gold_words, predicted_words) in zip(counts, pairs, strict=True):
        for g, p in zip(gold_words, predicted_words, strict=True):
            row[position[p], 1] += 1
            row[position[g], 2] += 1
            if g == p:
                row[position[g], 0] += 1
    return counts.reshape(len(pairs), 3 * len(known))


def _words(gold: Sequence[Row], predicted: Sequence[Row]) -> list[tuple[Sequence[str], Sequence[str]]]:
    def as_words(row: Row) -> Sequence[str]:
        return [row] if isinstance(row, str) else row

    return [(as_words(g), as_words(p)) for g, p in zip(gold, predicted, strict=True)]


def _ratio(above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below != 0)
