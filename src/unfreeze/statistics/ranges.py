"""Whether costs of two strategies can be told apart."""

from __future__ import annotations

Range = tuple[float, float]


def overlap(one: Range | None, other: Range | None) -> bool:
    """Did a run of one strategy cost as much as a run of the other? Then the difference may be chance. Not where a
    range, from the cheapest to the dearest run, is unknown.

    >>> overlap((1.0, 3.0), (2.0, 9.0)), overlap((1.0, 3.0), (4.0, 9.0)), overlap(None, (4.0, 9.0))
    (True, False, False)
    """
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]
