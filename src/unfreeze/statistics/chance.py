"""How far a difference between two strategies can be off by chance: examples and seeds together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np

from unfreeze.statistics.bootstrap import Array
from unfreeze.statistics.student import student_tail

_BINS_PER_ERROR = 10  # draws are gathered in bins of a tenth of the seeds' standard error: 0.1 % wider at most
_REACH = 14.0  # asinh of the largest t in the table


@dataclass(frozen=True)
class Tail:
    """Student's t tail from a table: one for all pairs, as they share their degrees of freedom."""

    grid: Array
    log_tail: Array

    @classmethod
    def of(cls, freedom: float) -> Tail:
        """The table for these degrees of freedom; relative error below 0.1 %, constant beyond t = 600,000."""
        grid = np.linspace(0, _REACH, 1000)
        return cls(grid, np.log(np.maximum(student_tail(np.sinh(grid), freedom), 1e-300)))

    def __call__(self, x: Array) -> Array:
        tail = np.exp(np.interp(np.arcsinh(np.abs(x)), self.grid, self.log_tail))
        return np.where(x >= 0, tail, 1 - tail)


@dataclass(frozen=True)
class Chance:
    """The distribution of the error of a difference: the bootstrap's errors plus `seed_error` times Student's t.

    It is made symmetric: each error of the bootstrap counts with both signs. The interval is then the symmetric one of
    Hall 1988 and the test centred on "no difference", as Hall & Wilson 1991 advise; a test that counts how many draws
    lie beyond 0 finds too much where two strategies differ on a dozen examples. Interval and p-value always agree.
    """

    by_examples: Array  # (repetitions,) resampled difference minus the observed one
    seed_error: float  # standard error of the difference from seeds; 0 if no side has several
    tail_of_t: Tail | None

    def tail(self, distance: float) -> float:
        """The probability of an error of at least `distance`; 1 is added to both counts of draws, as drawing cannot
        show that something never happens (Davison & Hinkley 1997, section 4.2).

        >>> Chance(np.array([0.1, -0.2, 0.3]), 0.0, None).tail(0.2)
        0.75
        """
        if distance <= 0:
            return 1.0
        repetitions = len(self.by_examples)
        values, counts = self._bins
        if self.tail_of_t is None or self.seed_error == 0:
            # Differences of equal counts may differ in the last bit.
            beyond = float(counts[values >= distance * (1 - 1e-9)].sum())
        else:
            error = self.seed_error
            beyond = float(
                (
                    counts * (self.tail_of_t((distance - values) / error) + self.tail_of_t((distance + values) / error))
                ).sum()
            )
        return min(1.0, (1 + beyond) / (1 + repetitions))

    def half_width(self, confidence: float) -> float:
        """The distance whose tail is 1 - `confidence`: the interval is the difference plus and minus it."""
        outside = 1 - confidence
        if self.tail_of_t is None or self.seed_error == 0:
            largest_first = np.sort(np.abs(self.by_examples))[::-1]
            allowed = ceil(outside * (1 + len(largest_first)) - 1e-9) - 2  # draws at or beyond, with the added one
            return float(largest_first[min(max(allowed, 0), len(largest_first) - 1)])
        low, high = 0.0, float(np.abs(self.by_examples).max()) + self.seed_error
        while self.tail(high) >= outside:
            low, high = high, 2 * high
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if self.tail(middle) >= outside else (low, middle)
        return high

    @cached_property
    def _bins(self) -> tuple[Array, Array]:
        """Sizes of errors and how many draws have them: all of them, or bins too narrow to matter."""
        sizes = np.abs(self.by_examples)
        width = self.seed_error / _BINS_PER_ERROR
        if self.tail_of_t is None or width == 0 or sizes.max(initial=0) / width > len(sizes) / 4:
            return sizes, np.ones_like(sizes)
        counts = np.bincount(np.rint(sizes / width).astype(np.int64)).astype(np.float64)
        return np.arange(len(counts), dtype=np.float64) * width, counts
