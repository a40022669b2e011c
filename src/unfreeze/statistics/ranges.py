"""Costs over the runs of a strategy, and whether those of two strategies can be told apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

Range = tuple[float, float]


def overlap(one: Range | None, other: Range | None) -> bool:
    """Did a run of one strategy cost as much as a run of the other? Then the difference may be chance. Not where a
    range, from the cheapest to the dearest run, is unknown.

    >>> overlap((1.0, 3.0), (2.0, 9.0)), overlap((1.0, 3.0), (4.0, 9.0)), overlap(None, (4.0, 9.0))
    (True, False, False)
    """
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]


def mean_and_range(values: Iterable[float | None]) -> tuple[float | None, Range | None]:
    """Both are None unless every run knows its own: of some they would be of other runs than the scores are.

    >>> mean_and_range([1.0, 3.0]), mean_and_range([1.0, None]), mean_and_range([])
    ((2.0, (1.0, 3.0)), (None, None), (None, None))
    """
    found = list(values)
    known = [value for value in found if value is not None]
    if not known or len(known) < len(found):
        return None, None
    return float(np.mean(known)), (min(known), max(known))
