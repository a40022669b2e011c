"""Student's t: quantiles without scipy, and the interval of a mean over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt

import numpy as np

_NORMAL = 1.959963984540054  # the normal distribution's 0.975 quantile

# Quantiles at 0.975 for 1 to 10 degrees of freedom; above, the expansion below is exact to 1e-4.
_TABLE = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


def student_quantile(freedom: int) -> float:
    """The 0.975 quantile for `freedom` degrees of freedom, so that plus or minus it holds 95 %.

    From 11 on: Abramowitz & Stegun 1964, equation 26.7.5, an expansion around the normal quantile.

    >>> student_quantile(2), round(student_quantile(30), 3)
    (4.3027, 2.042)
    """
    if freedom < 1:
        raise ValueError(f"degrees of freedom must be at least 1, was {freedom}")
    if freedom <= len(_TABLE):
        return _TABLE[freedom - 1]
    z = _NORMAL
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))


def mean_interval(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Mean and 95 % interval (mean, low, high) of scores of several seeds, by Student's t.

    None with fewer than two values: one seed says nothing about the spread between seeds. The interval is
    about the seeds on this one test set; `bootstrap.paired_difference` adds the uncertainty from the
    examples.

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
