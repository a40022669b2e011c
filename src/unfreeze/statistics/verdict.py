"""From an interval to a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from unfreeze.statistics.bootstrap import Difference

Verdict = Literal["better", "worse", "tie", "undecided"]


def judge(difference: Difference, *, margin: float = 0.01) -> Verdict:
    """What the interval of a minus b shows about a.

    "tie": it lies within plus or minus `margin`, so the two are as good as equal, even if 0 is outside.
    "better", "worse": it excludes 0. "undecided": neither; there is not enough data to tell.

    >>> judge(Difference(0.002, -0.004, 0.008, 0.5)), judge(Difference(0.03, 0.01, 0.05, 0.01))
    ('tie', 'better')
    >>> judge(Difference(0.03, -0.01, 0.07, 0.1))
    'undecided'
    """
    if -margin <= difference.low and difference.high <= margin:
        return "tie"
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return "undecided"


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        corrected[position] = highest
    return corrected
