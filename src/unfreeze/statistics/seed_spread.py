"""How much scores vary from seed to seed, measured with few seeds and without counting the examples' chance twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from unfreeze.statistics.bootstrap import Array

_TYPICAL = 2 / 3  # of the strategies


@dataclass(frozen=True)
class SeedSpread:
    """Variances of one run's score, for each strategy in the order given; None where only one seed ran."""

    variances: tuple[float | None, ...]  # between seeds, on this test set
    shared: tuple[float | None, ...]  # the part of it that comes from the examples: other ones would favour other seeds
    freedom: float  # degrees of freedom of the variances


def seed_spread(scores: Sequence[Array], resampled: Sequence[Array]) -> SeedSpread:
    """Variances between seeds that are safe to build intervals on.

    Three seeds measure a variance badly: Student's t with 2 degrees of freedom needs a difference of 24 standard errors
    before it survives the correction for 28 pairs. The strategies of a comparison therefore lend each other what they
    know. Each one's variance is the largest of three: its own; the *typical* one, that two thirds of the strategies do
    not exceed, freed of the bias that this quantile has where all are equal, and that one unstable strategy of four or
    more cannot spoil; and the part that the examples alone explain, which the bootstrap measures well. Never less than
    its own, so that an unstable strategy is not helped by its calm neighbours.

    Degrees of freedom are those of the mean of unequal variances, estimated as by Welch 1947: with equal variances
    those of all strategies count, with one variance far above the others only its own. docs/decisions/0009-verdicts.md
    says what else was considered.

    Args:
        scores: for each strategy the scores of its seeds, shape (seeds,).
        resampled: the same on resampled examples, shape (repetitions, seeds).
    """
    several = [one for one in scores if len(one) > 1]
    shared = [_shared(one) if one.shape[1] > 1 else None for one in resampled]
    if not several:
        return SeedSpread(tuple(None for _ in scores), tuple(shared), 1.0)
    own = np.array([one.var(ddof=1) for one in several])
    freedom = np.array([len(one) - 1 for one in several], dtype=np.float64)
    typical = float(np.quantile(own / _quantile_of_mean_square(freedom), _TYPICAL))
    variances = tuple(
        None if part is None else max(float(one.var(ddof=1)), typical, part)
        for one, part in zip(scores, shared, strict=True)
    )
    return SeedSpread(variances, tuple(shared), _freedom(own, freedom))


def _shared(resampled: Array) -> float:
    """The variance of the differences between seeds over resampled examples, for one run: examples x seeds."""
    deviations = resampled - resampled.mean(axis=0)
    deviations -= deviations.mean(axis=1, keepdims=True)
    return float((deviations**2).sum() / (len(resampled) * (resampled.shape[1] - 1)))


def _quantile_of_mean_square(freedom: Array) -> Array:
    """The quantile of chi-squared / freedom at two thirds (Wilson & Hilferty 1931)."""
    part = 2 / (9 * freedom)
    result: Array = (1 - part + NormalDist().inv_cdf(_TYPICAL) * np.sqrt(part)) ** 3
    return result


def _freedom(own: Array, freedom: Array) -> float:
    """Welch 1947, equation 28, for the pooled variance: fourth powers are divided by f + 2 to have no bias."""
    squares = freedom * own
    below = float((squares**2 / (freedom + 2)).sum())
    found = float(squares.sum()) ** 2 / below - 2 if below > 0 else float(freedom.sum())
    return float(np.clip(found, freedom.min(), freedom.sum()))
