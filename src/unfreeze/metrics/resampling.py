"""Scores of resampled test sets without scoring them anew: counts for each example, and the score of their sums."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unfreeze.metrics.entities import sentence_counts

Counts = npt.NDArray[np.float64]


class ResampledMetric(ABC):
    """A score that is a function of sums over examples. What a row of gold or predicted answers is, its task says."""

    def labels(self, rows: Iterable[Any]) -> list[str]:
        """What the counts of several runs must agree on to line up, from all their rows; mostly nothing."""
        return []

    @abstractmethod
    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        """Counts of each example, shape (examples, counts): their sums over any examples give the metric there."""

    @abstractmethod
    def score(self, totals: Counts) -> Counts:
        """The metric from summed counts of shape (..., counts); shape (...)."""

    def of(self, gold: Sequence[Any], predicted: Sequence[Any]) -> float:
        """The metric of all examples.

        >>> Accuracy().of(["a", "b"], ["a", "a"])
        0.5
        """
        return float(self.score(self.counts(gold, predicted, self.labels([*gold, *predicted])).sum(axis=0)))


@dataclass(frozen=True)
class Accuracy(ResampledMetric):
    """The share of texts or words with the right label."""

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        rows = [(sum(g == p for g, p in zip(*pair, strict=True)), len(pair[0])) for pair in _words(gold, predicted)]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def score(self, totals: Counts) -> Counts:
        return ratio(totals[..., 0], totals[..., 1])


@dataclass(frozen=True)
class EntityF1(ResampledMetric):
    """F1 of entities over all types, in seqeval's default sense."""

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        counts = [sentence_counts(g, p) for g, p in zip(gold, predicted, strict=True)]
        triples = [(c.true_positives, c.predicted, c.gold) for c in counts]
        return np.array(triples, dtype=np.float64).reshape(-1, 3)

    def score(self, totals: Counts) -> Counts:
        return ratio(2 * totals[..., 0], totals[..., 1] + totals[..., 2])


@dataclass(frozen=True)
class LabelF1(ResampledMetric):
    """F1 of each label, averaged: over the labels that occur or are predicted, or weighted by how often they occur.

    `micro` takes all labels together; with one label an item that is accuracy, with several labels a text it is not.
    """

    average: Literal["macro", "weighted", "micro"]
    several: bool = False  # does a row hold the labels of one text, and not one label for each word?

    def labels(self, rows: Iterable[Any]) -> list[str]:
        return sorted({label for row in rows for label in _as_words(row)})

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        known = labels or self.labels([*gold, *predicted])
        position = {label: i for i, label in enumerate(known)}
        rows = list(zip(gold, predicted, strict=True)) if self.several else _words(gold, predicted)
        counts = np.zeros((len(rows), len(known), 3))
        for row, (gold_words, predicted_words) in zip(counts, rows, strict=True):
            for g in gold_words:
                row[position[g], 2] += 1
            for p in predicted_words:
                row[position[p], 1] += 1
            if self.several:
                right = [g for g in gold_words if g in predicted_words]
            else:
                right = [g for g, p in zip(gold_words, predicted_words, strict=True) if g == p]
            for g in right:
                row[position[g], 0] += 1
        return counts.reshape(len(rows), 3 * len(known))

    def score(self, totals: Counts) -> Counts:
        by_label = totals.reshape(*totals.shape[:-1], totals.shape[-1] // 3, 3)  # (..., labels, 3)
        if self.average == "micro":
            by_label = by_label.sum(-2, keepdims=True)
        f1 = ratio(2 * by_label[..., 0], by_label[..., 1] + by_label[..., 2])
        if self.average == "weighted":
            return ratio((f1 * by_label[..., 2]).sum(-1), by_label[..., 2].sum(-1))
        # A label that neither occurs nor is predicted is not averaged over, as in scikit-learn.
        occurs = by_label[..., 1] + by_label[..., 2] > 0
        return ratio((f1 * occurs).sum(-1), occurs.sum(-1).astype(np.float64))


def ratio(above: Counts, below: Counts) -> Counts:
    """One divided by the other, 0 where that is not defined."""
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below != 0)


def _words(gold: Sequence[Any], predicted: Sequence[Any]) -> list[tuple[Sequence[str], Sequence[str]]]:
    return [(_as_words(g), _as_words(p)) for g, p in zip(gold, predicted, strict=True)]


def _as_words(row: str | Sequence[str]) -> Sequence[str]:
    return [row] if isinstance(row, str) else row
