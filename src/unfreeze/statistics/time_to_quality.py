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
    seconds: float | None  # wall time, evaluations included
    resolution_seconds: float | None  # training between that evaluation and the one before, or the start
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
            `validation`, `train_seconds` and `seconds`, in order.
        metric: a validation metric of which more is better.

    Returns:
        (None, []) if there is no evaluation at all.
    """
    grouped: dict[tuple[str, str], list[list[Mapping[str, Any]]]] = {}
    evaluated = [(run, history) for run in runs if (history := _evaluations(run, metric))]
    for run, history in compress(evaluated, which_count(run for run, _ in evaluated)):
        grouped.setdefault((run["strategy"], run["model_name"]), []).append(history)
    if not grouped:
        return None, []
    tops = [
        np.mean([max(float(one["validation"][metric]) for one in history) for history in histories])
        for histories in grouped.values()
    ]
    target = share * float(max(tops))
    return target, [
        _summed_up(strategy, model, histories, metric, target) for (strategy, model), histories in grouped.items()
    ]


def _evaluations(run: Mapping[str, Any], metric: str) -> list[Mapping[str, Any]]:
    return [one for one in run.get("history") or () if metric in (one.get("validation") or {})]


def _summed_up(
    strategy: str, model: str, histories: Sequence[Sequence[Mapping[str, Any]]], metric: str, target: float
) -> TimeToQuality:
    places = [_first(history, metric, target) for history in histories]
    reached = [(history, place) for history, place in zip(histories, places, strict=True) if place is not None]
    everywhere = len(reached) == len(histories)
    arrivals = [history[place] for history, place in reached]
    gaps = [
        _difference(history[place].get("train_seconds"), history[place - 1].get("train_seconds") if place else 0.0)
        for history, place in reached
    ]
    return TimeToQuality(
        strategy,
        model,
        _mean([one.get("train_seconds") for one in arrivals]) if everywhere else None,
        _mean([one.get("seconds") for one in arrivals]) if everywhere else None,
        _mean(gaps) if everywhere else None,
        len(reached),
        len(histories),
    )


def _first(history: Sequence[Mapping[str, Any]], metric: str, target: float) -> int | None:
    return next((i for i, one in enumerate(history) if float(one["validation"][metric]) >= target), None)


def _difference(later: float | None, earlier: float | None) -> float | None:
    return None if later is None or earlier is None else later - earlier


def _mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
