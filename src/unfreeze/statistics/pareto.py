"""Which points are worth their cost."""

from __future__ import annotations

from collections.abc import Sequence

from unfreeze.statistics.candidates import Candidate

COSTS = ("fit_seconds", "peak_memory_bytes", "trainable_parameters")


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


def pareto_strategies(candidates: Sequence[Candidate], *, higher_is_better: bool = True) -> dict[str, list[str]]:
    """For each cost in `COSTS` the strategies that no other beats in mean validation score and cost, cheapest first.

    A cost that is not known for all candidates with scores has no entry: a strategy must not win or lose by a missing
    number. With several models the names say which.
    """
    scored = [one for one in candidates if one.scores]
    several = len({one.model_name for one in scored}) > 1
    names = [f"{one.strategy} on {one.model_name}" if several else one.strategy for one in scored]
    sign = 1 if higher_is_better else -1
    fronts = {}
    for cost in COSTS:
        values = [getattr(one, cost) for one in scored]
        if values and None not in values:
            points = [(float(value), sign * one.mean) for value, one in zip(values, scored, strict=True)]
            fronts[cost] = [names[i] for i in pareto_front(points)]
    return fronts
