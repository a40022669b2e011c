"""The difference between two strategies with its interval, over examples and seeds at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Score = Callable[[Array], Array]  # summed counts (..., counts) -> scores (...)

_CHUNK_NUMBERS = 4_000_000  # float64 numbers held at once for resampling: 32 MB


@dataclass(frozen=True)
class Difference:
    """Mean score of a minus mean score of b, its interval, and the two-sided p-value of "no difference"."""

    difference: float
    low: float
    high: float
    p_value: float


def paired_difference(
    counts_a: Array,
    counts_b: Array,
    score: Score,
    *,
    repetitions: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Difference:
    """How much better a is than b, for examples and seeds that were not seen.

    Two sources of chance are combined. *Examples* are resampled with replacement, the same ones for a and b
    (paired bootstrap: Efron & Tibshirani 1993, chapter 8; Koehn 2004); the score of a set of seeds is the
    mean of each seed's. *Seeds* are not resampled: a bootstrap over n of them has a variance too small by (n
    - 1) / n and takes at most a handful of values when n is 3. Their part is Welch's (1947) instead: the
    unbiased standard error sqrt(s_a^2 / n_a + s_b^2 / n_b) times Student's t, its degrees of freedom by
    Satterthwaite. As the spread between seeds is measured on a finite test set, it holds some of the
    examples' chance too, so the interval errs on the wide side. With one seed on a side that side's seed part
    is unknown and left out: the answer then holds for these weights only.

    Args:
        counts_a: shape (seeds, examples, counts), as of `metrics.resampling.example_counts`.
        counts_b: the same examples in the same order; the number of seeds may differ.
        score: the metric from summed counts, (..., counts) -> (...), vectorised.

    Raises:
        ValueError: the shapes do not belong together.

    >>> right = np.array([[[1, 1], [1, 1], [0, 1], [1, 1]]], dtype=float)
    >>> paired_difference(right, right, lambda sums: sums[..., 0] / sums[..., 1])
    Difference(difference=0.0, low=0.0, high=0.0, p_value=1.0)
    """
    counts = (np.asarray(counts_a, dtype=np.float64), np.asarray(counts_b, dtype=np.float64))
    resampled_a, resampled_b = resampled_scores(counts, score, repetitions=repetitions, seed=seed)
    scores_a, scores_b = (score(one.sum(axis=1)) for one in counts)
    return difference_of_scores(scores_a, scores_b, resampled_a, resampled_b, seed=seed, confidence=confidence)


def resampled_scores(counts: Sequence[Array], score: Score, *, repetitions: int = 2000, seed: int = 0) -> list[Array]:
    """Scores on resampled examples, one array (repetitions, seeds) for each array (seeds, examples, counts).

    Row r of every result belongs to the same resampled examples. Memory stays near 32 MB whatever the sizes.
    """
    for one in counts:
        if one.ndim != 3 or one.shape[0] == 0 or one.shape[1] == 0:
            raise ValueError(f"counts must have the shape (seeds, examples, counts), none of them 0; was {one.shape}")
        if one.shape[1:] != counts[0].shape[1:]:
            raise ValueError(f"counts are not of the same examples: {counts[0].shape[1:]} and {one.shape[1:]}")
    if not counts:
        return []
    examples, width = counts[0].shape[1:]
    flat = [one.transpose(1, 0, 2).reshape(examples, -1) for one in counts]  # (examples, seeds * counts)
    widest = max(one.shape[1] for one in flat)
    rows = max(1, _CHUNK_NUMBERS // max(examples, widest))
    results = [np.empty((repetitions, one.shape[0])) for one in counts]
    generator = np.random.default_rng(seed)
    for start in range(0, repetitions, rows):
        stop = min(start + rows, repetitions)
        weights = _weights(generator, stop - start, examples)
        for one, result in zip(flat, results, strict=True):
            sums = (weights @ one).reshape(stop - start, -1, width)
            result[start:stop] = score(sums)
    return results


def difference_of_scores(
    scores_a: Array,
    scores_b: Array,
    resampled_a: Array,
    resampled_b: Array,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Difference:
    """Interval from scores (seeds,) and scores on resampled examples (repetitions, seeds) of both sides."""
    by_examples = resampled_a.mean(axis=1) - resampled_b.mean(axis=1)  # (repetitions,)
    error, freedom = _welch(scores_a, scores_b)
    # Each draw is used with both signs: swapping a and b then negates the interval exactly.
    by_seeds = error * np.random.default_rng((seed, 1)).standard_t(freedom, len(by_examples))
    drawn = np.concatenate([by_examples + by_seeds, by_examples - by_seeds])
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    # One is added above and below: drawing cannot show a p-value of 0 (Davison & Hinkley 1997, section 4.2).
    tail = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p_value = min(1.0, 2 * (1 + tail) / (1 + len(drawn)))
    return Difference(float(scores_a.mean() - scores_b.mean()), float(low), float(high), p_value)


def _weights(generator: np.random.Generator, rows: int, examples: int) -> Array:
    """How often each example is drawn, shape (rows, examples). Counting is faster than `multinomial`."""
    drawn = generator.integers(0, examples, size=(rows, examples))
    drawn += np.arange(rows)[:, None] * examples
    return np.bincount(drawn.ravel(), minlength=rows * examples).reshape(rows, examples).astype(np.float64)


def _welch(scores_a: Array, scores_b: Array) -> tuple[float, float]:
    """Standard error of the difference of two means over seeds, and its degrees of freedom (Welch 1947)."""
    several = [one for one in (scores_a, scores_b) if len(one) > 1]
    parts = [(float(one.var(ddof=1)) / len(one), len(one) - 1) for one in several]
    total = sum(variance for variance, _ in parts)
    below = sum(variance**2 / freedom for variance, freedom in parts)
    if below == 0.0:
        return 0.0, 1.0
    return sqrt(total), total**2 / below
