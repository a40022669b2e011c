"""From p-values to a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Verdict = Literal["better", "worse", "tie", "not enough data"]
NOT_ENOUGH: Verdict = "not enough data"

LEAST_WITHIN_MARGIN = 5  # examples

# What a verdict is about: with one seed on a side nothing is known of other runs.
WEIGHTS_ONLY = "these weights only"
EXAMPLES_AND_SEEDS = "examples and seeds"


def judge(difference: float, *, p_value: float, tie_p_value: float, alpha: float = 0.05) -> Verdict:
    """What the data show about a, from the difference a minus b and two corrected p-values.

    "tie": the difference is shown to lie within the margin, so the two are as good as equal, even if it is also shown
    not to be 0. "better", "worse": it is shown not to be 0. "not enough data": neither.

    Args:
        p_value: of "no difference", corrected for the number of pairs by `holm`.
        tie_p_value: of "a difference as large as the margin", corrected by `ties`.
        alpha: both must be below it.

    >>> judge(0.002, p_value=0.5, tie_p_value=0.01), judge(0.03, p_value=0.01, tie_p_value=1.0)
    ('tie', 'better')
    >>> judge(0.03, p_value=0.1, tie_p_value=1.0)
    'not enough data'
    """
    if tie_p_value < alpha:
        return "tie"
    if p_value < alpha:
        return "better" if difference > 0 else "worse"
    return NOT_ENOUGH


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


def ties_can_be_told(margin: float, examples: int) -> bool:
    """Whether so many test examples can show that a difference lies within the margin, whatever the answers.

    Where two strategies answer alike, the bootstrap sees no chance at all, and yet 100 equal answers do not exclude
    that they differ on 3 % of all examples (the rule of three; Hanley & Lippman-Hand 1983). The margin must be worth
    at least 5 examples; for a count below that, no variance estimated from the data is to be trusted.

    >>> ties_can_be_told(0.01, 499), ties_can_be_told(0.01, 500)
    (False, True)
    """
    return margin * examples >= LEAST_WITHIN_MARGIN - 1e-9


def most_ties_in_doubt(strategies: int) -> int:
    """Of all pairs of so many strategies, how many can differ by just the margin: what "tie" is corrected for.

    Of any three strategies on a line, two are twice as far apart as the nearest two or more, so the pairs in doubt form
    no triangle, and without one there are at most n^2 / 4 (Mantel 1907). Caffo, Lauzon & Röhmel 2013 (correction to
    Lauzon & Caffo 2009) give the same number.

    >>> [most_ties_in_doubt(n) for n in (2, 3, 8)]
    [1, 2, 16]
    """
    return max(1, strategies**2 // 4)
