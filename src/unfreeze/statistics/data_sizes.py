"""What more training data brought, and what it may bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2, sqrt

import numpy as np

from unfreeze.statistics.student import mean_interval, student_quantile


@dataclass(frozen=True)
class SizePoint:
    """The scores of one strategy at one training set size; `low` and `high` are None with one seed."""

    train_examples: int
    mean: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class DataSizes:
    """The learning curve of one strategy, smallest size first, and what its last doubling brought."""

    strategy: str
    points: list[SizePoint]
    gain: float | None  # of a doubling, between the two largest sizes; None with one size
    gain_low: float | None  # 95 % interval over seeds; None if a size has one seed
    gain_high: float | None
    sentence: str


def data_sizes(strategy: str, scores: Mapping[int, Sequence[float]]) -> DataSizes:
    """The learning curve of one strategy from its scores at several sizes.

    The gain is the difference of the two largest sizes' means divided by the number of doublings between them, with
    Welch's interval (1947). It covers seeds only, not other test examples. Curves of this kind flatten (Hestness et
    al. 2017; Figueroa et al. 2012), so the last gain is about the most that the next doubling can be expected to
    bring; the sentence says no more than that, and nothing about more data if the interval holds 0.

    Args:
        scores: training set size -> scores of its seeds; sizes without scores are left out.
    """
    points = []
    for size in sorted(size for size, values in scores.items() if len(values)):
        interval = mean_interval(scores[size])
        low, high = (interval[1], interval[2]) if interval else (None, None)
        points.append(SizePoint(size, float(np.mean(scores[size])), low, high, len(scores[size])))
    if len(points) < 2:
        return DataSizes(strategy, points, None, None, None, f"{strategy}: one size only, so no gain can be told.")
    before, last = points[-2:]
    doublings = log2(last.train_examples / before.train_examples)
    gain = (last.mean - before.mean) / doublings
    half = _half_width(scores[before.train_examples], scores[last.train_examples])
    said = f"{strategy}: from {before.train_examples:,} to {last.train_examples:,} training examples, "
    said += "the score changed by" if doublings == 1 else "each doubling changed the score by"
    if half is None:
        sentence = f"{said} {gain:+.4f}; with one seed at a size, how much of that is chance is unknown."
        return DataSizes(strategy, points, gain, None, None, sentence)
    low, high = gain - half / doublings, gain + half / doublings
    said += f" {gain:+.4f} ({low:+.4f} to {high:+.4f})"
    if low > 0:
        sentence = (
            f"{said}. More labelled examples are likely to help; curves flatten, so expect less of the next doubling."
        )
    elif high < 0:
        sentence = f"{said}. It fell: look at the added examples before labelling more."
    else:
        sentence = f"{said}, which chance between seeds can do: it does not tell whether to label more."
    return DataSizes(strategy, points, gain, low, high, sentence)


def _half_width(before: Sequence[float], last: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the difference of two means (Welch 1947, degrees of freedom by Satterthwaite)."""
    if min(len(before), len(last)) < 2:
        return None
    parts = [(float(np.var(one, ddof=1)) / len(one), len(one) - 1) for one in (before, last)]
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / one for variance, one in parts)
    return student_quantile(freedom) * sqrt(total)
