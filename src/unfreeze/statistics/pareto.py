"""Which points are worth their cost."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points (cost, score) that no other beats, cheapest first.

    Less cost is better, and more score. A point is beaten by one that is at least as good in both and better
    in one. Equal points all stay.

    >>> pareto_front([(1.0, 0.70), (2.0, 0.65), (3.0, 0.90)])
    [0, 2]
    """
    front: list[int] = []
    best = float("-inf")
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[index][1] > best or (front and points[index] == points[front[-1]]):
            front.append(index)
            best = points[index][1]
    return front
