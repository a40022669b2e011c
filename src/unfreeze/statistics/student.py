"""Student's t without scipy: its tail, its quantiles, and the interval of a mean over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite, lgamma, sqrt

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_TINY = 1e-300  # keeps a continued fraction from dividing by 0


def student_tail(x: Array, freedom: float) -> Array:
    """P(T >= x) of Student's t, for any x, elementwise; relative accuracy about 1e-9.

    It is half the regularised incomplete beta function at freedom / (freedom + x^2) with parameters freedom / 2
    and 1 / 2 (Abramowitz & Stegun 1964, equations 26.7.1 and 26.5.27).

    Raises:
        ValueError: `freedom` is not positive.

    >>> student_tail(np.array([0.0, 4.3027, -4.3027]), 2).round(4)
    array([0.5  , 0.025, 0.975])
    """
    if not freedom > 0:
        raise ValueError(f"degrees of freedom must be above 0, was {freedom}")
    x = np.asarray(x, dtype=np.float64)
    half = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + x**2), x**2 / (freedom + x**2))
    return np.where(x >= 0, half, 1 - half)


@lru_cache(maxsize=256)
def student_quantile(freedom: float, probability: float = 0.975) -> float:
    """The quantile at `probability`, from 0.5 to below 1; the default is plus or minus 95 %'s.

    >>> round(student_quantile(2), 4), round(student_quantile(30), 3)
    (4.3027, 2.042)
    """
    if not 0.5 <= probability < 1:
        raise ValueError(f"probability must be at least 0.5 and below 1, was {probability}")
    low, high = 0.0, 1.0
    while float(student_tail(np.array([high]), freedom)[0]) > 1 - probability:
        low, high = high, 4 * high
    for _ in range(6):  # each round narrows the bracket a hundredfold
        grid = np.linspace(low, high, 101)
        position = int((student_tail(grid, freedom) > 1 - probability).sum())
        low, high = float(grid[max(position - 1, 0)]), float(grid[min(position, 100)])
    return (low + high) / 2


def mean_interval(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Mean and 95 % interval (mean, low, high) of scores of several seeds, by Student's t.

    None with fewer than two values: one seed says nothing about the spread between seeds. The interval is
    about the seeds on this one test set; `pairs.compare_pairs` adds the uncertainty from the examples.

    >>> [round(value, 3) for value in mean_interval([0.80, 0.81, 0.82])]
    [0.81, 0.785, 0.835]
    >>> mean_interval([0.8]) is None
    True
    """
    if len(values) < 2 or not all(isfinite(value) for value in values):
        return None
    mean = float(np.mean(values))
    half = student_quantile(len(values) - 1) * float(np.std(values, ddof=1)) / sqrt(len(values))
    return mean, mean - half, mean + half


def _incomplete_beta(a: float, b: float, x: Array, rest: Array) -> Array:
    """The regularised incomplete beta function; `rest` is 1 - x, given apart so that it keeps its digits."""
    # The fraction converges fast below this point only; above it, 1 minus that of the mirrored function does.
    mirrored = x > (a + 1) / (a + b + 2)
    with np.errstate(divide="ignore"):
        front = np.exp(a * np.log(x) + b * np.log(rest) + lgamma(a + b) - lgamma(a) - lgamma(b))
    straight = front * _fraction(a, b, np.where(mirrored, 0.0, x)) / a
    return np.where(mirrored, 1 - front * _fraction(b, a, np.where(mirrored, rest, 0.0)) / b, straight)


def _fraction(a: float, b: float, x: Array) -> Array:
    """The continued fraction of Abramowitz & Stegun 1964, equation 26.5.8, by Lentz's forward evaluation."""
    above = np.ones_like(x)
    below = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = below
    for m in range(1, 10_000):  # in practice some dozens: it needs about the root of the larger parameter
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            below = 1 / _not_zero(1 + term * below)
            above = _not_zero(1 + term / above)
            value = value * above * below
        if np.all(np.abs(above * below - 1) < 1e-12):
            break
    return value


def _not_zero(values: Array) -> Array:
    return np.where(np.abs(values) < _TINY, _TINY, values)
