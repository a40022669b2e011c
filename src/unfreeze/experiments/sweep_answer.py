"""The question of the title: quality against the number of layers that train, and how few are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from unfreeze.experiments.predicted import counts_in_tables
from unfreeze.statistics.student import mean_interval
from unfreeze.statistics.sweep import fewest_layers
from unfreeze.storage.records import RunRecord
from unfreeze.strategies import STRATEGIES, Freeze, Full, Head, StrategyError
from unfreeze.strategies.parse import parse_strategies

LEAST_POINTS = 3


def sweeps(
    records: Sequence[RunRecord], comparisons: Sequence[Mapping[str, Any]], metric: str, margin: float
) -> list[dict[str, Any]]:
    """The entries of `sweep` in `comparison.json`: one for each model with three strategies `freeze:first=k`."""
    entries = []
    for model in dict.fromkeys(record.model_name for record in records):
        ours = [one for one in records if one.model_name == model and counts_in_tables(one)]
        points = _points(ours, metric)
        frozen = [point for point in points if point["strategy"] not in ("full", "head")]
        if len(frozen) < LEAST_POINTS:
            continue
        # Without a run of `full`, freezing no layer is the same.
        names = [point["strategy"] for point in points]
        full = next((name for name in ("full", "freeze:first=0") if name in names), None)
        here = [entry for entry in comparisons if entry["model_name"] == model]
        answer = None
        if full is not None and here:
            pairs = [(point["strategy"], point["layers_trained"]) for point in points]
            answer = asdict(fewest_layers(pairs, here, full=full, margin=margin))
        entries.append({"model_name": model, "metric": metric, "full": full, "points": points, "answer": answer})
    return entries


def _points(records: Sequence[RunRecord], metric: str) -> list[dict[str, Any]]:
    points = []
    for strategy in dict.fromkeys(record.strategy for record in records):
        runs = [one for one in records if one.strategy == strategy and metric in one.validation]
        total = next((one.num_layers for one in runs if one.num_layers is not None), None)
        frozen = None if total is None else _layers_frozen(strategy, total)
        if not runs or total is None or frozen is None:
            continue
        scores = [one.validation[metric] for one in runs]
        interval = mean_interval(scores)
        points.append(
            {
                "strategy": strategy,
                "layers_trained": total - frozen,
                "total_layers": total,
                "mean": float(np.mean(scores)),
                "low": None if interval is None else interval[1],
                "high": None if interval is None else interval[2],
                "seeds": len(scores),
            }
        )
    return sorted(points, key=lambda point: (point["layers_trained"], point["strategy"] != "head"))


def _layers_frozen(strategy: str, total: int) -> int | None:
    """How many layers do not train in a strategy of the sweep; None for any other strategy."""
    try:
        [one] = parse_strategies(strategy, STRATEGIES)
    except (StrategyError, ValueError):
        return None  # an object of the user's own
    if isinstance(one, Full):
        return 0
    if one == Head(learning_rate=one.learning_rate):
        return total
    plain = isinstance(one, Freeze) and isinstance(one.first, int) and one.embeddings is None
    return one.first if plain and isinstance(one, Freeze) and isinstance(one.first, int) else None
