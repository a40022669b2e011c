"""How much scores vary from seed to seed, measured with few seeds and without counting the examples' chance twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from unfreeze.statistics.bootstrap import Array

_TYPICAL = 2 / 3  # of the strategies
_WILD = 0.99  # a variance that equal ones exceed the middle one's value so seldom is a kind of its own


@dataclass(frozen=True)
class SeedSpread:
    """Variances of one run's score, for each strategy in the order given; None where only one seed ran."""

    variances: tuple[float | None, ...]  # between seeds, on this test set
    shared: tuple[float | None, ...]  # the part of it that comes from the examples: other ones would favour other seeds
    freedom: tuple[float, ...]  # degrees of freedom of each variance: of all strategies together, or only its own


def seed_spread(scores: Sequence[Array], resampled: Sequence[Array]) -> SeedSpread:
    """Variances between seeds that are safe to build intervals on.

    Three seeds measure a variance badly: Student's t with 2 degrees of freedom needs a difference of 24 standard errors
    before it survives the correction for 28 pairs. The strategies of a comparison therefore lend each other what they
    know. Each one's variance is the largest of three: its own; the *typical* one, that two thirds of the strategies do
    not exceed, freed of the bias that this quantile has where all are equal, and that one unstable strategy of four or
    more cannot spoil; and the part that the examples alone explain, which the bootstrap measures well. Never less than
    its own, so that an unstable strategy is not helped by its calm neighbours.

    Degrees of freedom are those of the mean of unequal variances, estimated as by Welch 1947: with equal variances
    those of all strategies count. A variance far above the middle one is nobody's loan: it has its own degrees of
    freedom, with two seeds one. docs/decisions/0009-verdicts.md says what else was considered.

    Args:
        scores: for each strategy the scores of its seeds, shape (seeds,).
        resampled: the same on resampled examples, shape (repetitions, seeds).
    """
    several = [one for one in scores if len(one) > 1]
    shared = [_shared(one) if one.shape[1] > 1 else None for one in resampled]
    if not several:
        return SeedSpread(tuple(None for _ in scores), tuple(shared), tuple(1.0 for _ in scores))
    own = np.array([one.var(ddof=1) for one in several])
    freedom = np.array([len(one) - 1 for one in several], dtype=np.float64)
    typical = float(np.quantile(own / _quantile_of_mean_square(freedom, _TYPICAL), _TYPICAL))
    middle = float(np.median(own / _quantile_of_mean_square(freedom, 0.5)))
    variances = tuple(
        None if part is None else max(float(one.var(ddof=1)), typical, part)
        for one, part in zip(scores, shared, strict=True)
    )
    together = _freedom(own, freedom)
    by_strategy = []
    for one, part in zip(scores, shared, strict=True):
        alone = len(one) - 1
        if alone > 0 and one.var(ddof=1) > _quantile_of_mean_square(alone, _WILD) * max(middle, part or 0.0):
            by_strategy.append(min(together, float(alone)))
        else:
            by_strategy.append(together)
    return SeedSpread(variances, tuple(shared), tuple(by_strategy))


def _shared(resampled: Array) -> float:
    """The variance of the differences between seeds over resampled examples, for one run: examples x seeds."""
    deviations = resampled - resampled.mean(axis=0)
    deviations -= deviations.mean(axis=1, keepdims=True)
    return float((deviations**2).sum() / (len(resampled) * (resampled.shape[1] - 1)))


def _quantile_of_mean_square(freedom: Any, share: float) -> Any:
    """The quantile of chi-squared / freedom (Wilson & Hilferty 1931), for one number or several."""
    part = 2 / (9 * freedom)
    return (1 - part + NormalDist().inv_cdf(share) * np.sqrt(part)) ** 3


def _freedom(own: Array, freedom: Array) -> float:
    """Welch 1947, equation 28, for the pooled variance: fourth powers are divided by f + 2 to have no bias."""
    squares = freedom * own
    below = float((squares**2 / (freedom + 2)).sum())
    found = float(squares.sum()) ** 2 / below - 2 if below > 0 else float(freedom.sum())
    return float(np.clip(found, freedom.min(), freedom.sum()))
