"""How long each strategy trains until it is nearly as good as the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from unfreeze.statistics.counted import which_count


@dataclass(frozen=True)
class TimeToQuality:
    """Means over seeds until the first evaluation that reaches the target; None unless every seed reaches it.

    The target was reached between two evaluations: it may have been `resolution_seconds` earlier.
    """

    strategy: str
    model_name: str
    train_seconds: float | None  # optimisation alone
    seconds: float | None  # with evaluations and the cache of frozen layers
    resolution_seconds: float | None  # of these, between that evaluation and the one before, or the first step
    reached: int
    runs: int


def time_to_quality(
    runs: Iterable[Mapping[str, Any]], metric: str, *, share: float = 0.95
) -> tuple[float | None, list[TimeToQuality]]:
    """The target, and the time to it of each model and strategy, in order of first appearance.

    The target is `share` of the best score of all strategies, a strategy's score being the mean over seeds of each
    run's best evaluation: the best of all single evaluations would be the luckiest one. Evaluations without a time
    or the metric are not counted. "Minutes to 95 % of the best" is a target known only afterwards: it compares
    strategies, it does not predict.

    Args:
        runs: records as dicts; of those that count (`counted.which_count`), `history` is read: entries with
            `validation`, `train_seconds` and `seconds`, in order; and
            `cache_fill_seconds`.
        metric: a validation metric of which more is better.

    Returns:
        (None, []) if there is no evaluation at all.
    """
    grouped: dict[tuple[str, str], list[_Curve]] = {}
    evaluated = [(run, history) for run in runs if (history := _evaluations(run, metric))]
    for run, history in compress(evaluated, which_count(run for run, _ in evaluated)):
        curve = _Curve(history, float(run.get("cache_fill_seconds") or 0.0))
        grouped.setdefault((run["strategy"], run["model_name"]), []).append(curve)
    if not grouped:
        return None, []
    tops = [
        np.mean([max(float(one["validation"][metric]) for one in curve.history) for curve in curves])
        for curves in grouped.values()
    ]
    best = float(max(tops))
    target = share * best if best > 0 else best  # a share of what is below zero lies above it
    return target, [
        _summed_up(strategy, model, curves, metric, target) for (strategy, model), curves in grouped.items()
    ]


def _evaluations(run: Mapping[str, Any], metric: str) -> list[Mapping[str, Any]]:
    return [one for one in run.get("history") or () if metric in (one.get("validation") or {})]


@dataclass(frozen=True)
class _Curve:
    """The evaluations of a run, and the time at which its first step began."""

    history: Sequence[Mapping[str, Any]]
    begin: float

    def arrival(self, metric: str, target: float) -> tuple[Mapping[str, Any], float | None] | None:
        """The first evaluation that reaches the target, and the time since the one before; None if none does."""
        before: float | None = self.begin
        for one in self.history:
            if float(one["validation"][metric]) >= target:
                return one, _difference(one.get("seconds"), before)
            before = one.get("seconds")
        return None


def _summed_up(strategy: str, model: str, curves: Sequence[_Curve], metric: str, target: float) -> TimeToQuality:
    found = [arrival for curve in curves if (arrival := curve.arrival(metric, target)) is not None]
    everywhere = len(found) == len(curves)
    arrivals, gaps = [one for one, _ in found], [gap for _, gap in found]
    return TimeToQuality(
        strategy,
        model,
        _mean([one.get("train_seconds") for one in arrivals]) if everywhere else None,
        _mean([one.get("seconds") for one in arrivals]) if everywhere else None,
        _mean(gaps) if everywhere else None,
        len(found),
        len(curves),
    )


def _difference(later: float | None, earlier: float | None) -> float | None:
    return None if later is None or earlier is None else later - earlier


def _mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
