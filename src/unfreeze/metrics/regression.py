"""Scores of predicted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unfreeze.metrics.resampling import Counts, ResampledMetric, ratio


def regression_scores(gold: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    """Pearson's and Spearman's correlation, R2, mean squared and mean absolute error; a correlation is 0 where a side
    is constant.

    >>> scores = regression_scores([1.0, 2.0, 3.0], [2.0, 4.0, 9.0])
    >>> round(scores["pearson"], 4), scores["spearman"], scores["mae"]
    (0.9707, 1.0, 3.0)
    """
    difference = np.array(gold, dtype=float) - np.array(predicted, dtype=float)
    return {
        "pearson": Pearson().of(gold, predicted),
        "spearman": Pearson().of(_ranks(gold), _ranks(predicted)),
        "r2": R2().of(gold, predicted),
        "mse": float((difference**2).mean()) if len(difference) else 0.0,
        "mae": float(np.abs(difference).mean()) if len(difference) else 0.0,
    }


@dataclass(frozen=True)
class Pearson(ResampledMetric):
    """Pearson's correlation coefficient."""

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        x, y = (_centred(side, gold) for side in (gold, predicted))
        return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)

    def score(self, totals: Counts) -> Counts:
        number, x, y, xx, yy, xy = np.moveaxis(totals, -1, 0)
        spread = (number * xx - x * x).clip(min=0) * (number * yy - y * y).clip(min=0)
        # Of a constant side rounding leaves something.
        spread = np.where(spread <= 1e-18 * (number * xx) * (number * yy), 0.0, spread)
        return ratio(number * xy - x * y, np.sqrt(spread))


@dataclass(frozen=True)
class R2(ResampledMetric):
    """The share of the variance that is explained: 1 - (sum of squared errors) / (sum of squares around the mean)."""

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        x, y = (_centred(side, gold) for side in (gold, predicted))
        return np.stack([np.ones_like(x), x, x * x, (x - y) ** 2], axis=-1)

    def score(self, totals: Counts) -> Counts:
        number, x, xx, errors = np.moveaxis(totals, -1, 0)
        around = xx - ratio(x * x, number)
        return np.where(around > 1e-12 * xx, 1 - ratio(errors, around), 0.0)


def _centred(values: Sequence[float], around: Sequence[float]) -> npt.NDArray[np.float64]:
    """Less the mean of the gold values: correlations do not change, and sums of squares keep their digits."""
    middle = float(np.mean(around)) if len(around) else 0.0
    return np.array(values, dtype=np.float64) - middle


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    array = np.array(values, dtype=np.float64)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: list[float] = (last - (counts - 1) / 2)[inverse].tolist() if len(array) else []
    return ranks
