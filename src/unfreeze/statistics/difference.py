"""The difference between two strategies and the chance in it, over examples and seeds at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from unfreeze.statistics.bootstrap import Array, Score, resampled_scores
from unfreeze.statistics.chance import Chance, Tail
from unfreeze.statistics.seed_spread import SeedSpread, seed_spread


@dataclass(frozen=True)
class Parts:
    """The variance of a difference of means over seeds, by what would make it smaller."""

    examples: float  # falls with more test examples only
    shared: float  # falls with more examples and with more seeds
    seeds: float  # falls with more seeds only
    freedom: float  # degrees of freedom of what is measured between seeds

    @property
    def total(self) -> float:
        """The variance of the difference."""
        return self.examples + self.shared + self.seeds


@dataclass(frozen=True)
class Difference:
    """Mean score of a minus mean score of b, its chance, and where its variance comes from."""

    difference: float
    chance: Chance
    parts: Parts

    @property
    def p_value(self) -> float:
        """Two-sided, of "no difference", for this pair alone."""
        return self.chance.tail(abs(self.difference))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Low and high, for this pair alone."""
        half = self.chance.half_width(confidence)
        return self.difference - half, self.difference + half


def paired_difference(
    counts_a: Array, counts_b: Array, score: Score, *, repetitions: int = 2000, seed: int = 0
) -> Difference:
    """How much better a is than b, for examples and seeds that were not seen.

    Examples are resampled, the same ones for a and b. Seeds are not: a bootstrap over n of them has a variance too
    small by (n - 1) / n and takes a handful of values when n is 3. The model is that of readers and cases in
    radiology, with seeds as readers (Obuchowski & Rockette 1995; Hillis 2014): the variance of the difference is the
    spread between seeds over their number, plus the examples' variance *without* the part that is in that spread
    already. The seeds' part has the tails of Student's t. With one seed on a side that side's seed part is unknown
    and left out: the answer then holds for these weights only.

    Args:
        counts_a: shape (seeds, examples, counts), as of `metrics.resampling.example_counts`.
        counts_b: the same examples in the same order; the number of seeds may differ.
        score: the metric from summed counts, (..., counts) -> (...), vectorised.

    Raises:
        ValueError: the shapes do not belong together.

    >>> right = np.array([[[1, 1], [1, 1], [0, 1], [1, 1]]], dtype=float)
    >>> found = paired_difference(right, right, lambda sums: sums[..., 0] / sums[..., 1])
    >>> found.difference, found.interval(), found.p_value
    (0.0, (0.0, 0.0), 1.0)
    """
    counts = (np.asarray(counts_a, dtype=np.float64), np.asarray(counts_b, dtype=np.float64))
    resampled = resampled_scores(counts, score, repetitions=repetitions, seed=seed)
    scores = [score(one.sum(axis=1)) for one in counts]
    return all_differences(scores, resampled, [(0, 1)])[0]


def all_differences(scores: list[Array], resampled: list[Array], pairs: list[tuple[int, int]]) -> list[Difference]:
    """The differences of the pairs, from scores (seeds,) and scores on resampled examples (repetitions, seeds)."""
    spread = seed_spread(scores, resampled)
    tails: dict[float, Tail] = {}  # one for all pairs with the same degrees of freedom
    means = [float(one.mean()) for one in scores]
    errors = [one.mean(axis=1) - mean for one, mean in zip(resampled, means, strict=True)]  # (repetitions,) each
    result = []
    for a, b in pairs:
        by_examples = errors[a] - errors[b]
        parts = _parts(float(by_examples.var()), spread, [(side, len(scores[side])) for side in (a, b)])
        # The part of the examples' chance that the spread between seeds holds already must not count twice.
        whole = parts.examples + parts.shared
        alone = sqrt(parts.examples / whole) if whole > 0 else 0.0
        if parts.freedom not in tails:
            tails[parts.freedom] = Tail.of(parts.freedom)
        chance = Chance(by_examples * alone, sqrt(parts.shared + parts.seeds), tails[parts.freedom])
        result.append(Difference(means[a] - means[b], chance, parts))
    return result


def _parts(by_examples: float, spread: SeedSpread, sides: list[tuple[int, int]]) -> Parts:
    shared, between = 0.0, 0.0
    for side, seeds in sides:
        variance, part = spread.variances[side], spread.shared[side]
        if variance is not None and part is not None:
            shared += part / seeds
            between += variance / seeds
    # A strategy with degrees of freedom of its own is wild, and its variance is all but the whole of the sum's.
    freedom = min(spread.freedom[side] for side, _ in sides)
    return Parts(max(0.0, by_examples - shared), shared, max(0.0, between - shared), freedom)
