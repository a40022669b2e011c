"""How many layers need to train: the strategies of a comparison that differ in nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from unfreeze.statistics.student import mean_interval
from unfreeze.statistics.sweep import fewest_layers
from unfreeze.storage.records import RunRecord
from unfreeze.strategies import STRATEGIES, Freeze, StrategyError
from unfreeze.strategies.parse import parse_strategies

LEAST_POINTS = 3  # different numbers of trained layers that make a sweep


def sweep_entries(
    records: Sequence[RunRecord], metric: str, comparisons: Iterable[Mapping[str, Any]] | None, *, margin: float
) -> list[dict[str, Any]]:
    """The entries of `sweep` in `comparison.json`, one for each model with at least three numbers of trained layers.

    Args:
        records: finished runs on all of the training data.
        comparisons: as of `verdicts.all_verdicts`; None where nothing was compared yet: there is no answer then.
        margin: in units of the metric, the one of the comparisons.
    """
    entries = []
    compared = None if comparisons is None else list(comparisons)
    for model in dict.fromkeys(record.model_name for record in records):
        points = _points([record for record in records if record.model_name == model], metric)
        if len({point["layers_trained"] for point in points}) >= LEAST_POINTS:
            full = _reference(points)
            ours = None if compared is None else [entry for entry in compared if entry["model_name"] == model]
            answer = None if full is None or ours is None else _answer(points, ours, full, margin)
            entries.append({"model_name": model, "metric": metric, "full": full, "points": points, "answer": answer})
    return entries


def frozen_layers(strategy: str, num_layers: int) -> int | None:
    """How many of the lowest layers a strategy of a sweep freezes; None for any other strategy.

    >>> frozen_layers("freeze:first=2", 6), frozen_layers("head", 6), frozen_layers("freeze:last=2", 6)
    (2, 6, None)
    """
    if strategy in ("full", "head"):
        return 0 if strategy == "full" else num_layers
    if not strategy.startswith("freeze:") or "+" in strategy:
        return None
    try:
        [parsed] = parse_strategies(strategy, STRATEGIES)
    except StrategyError:  # one of the user's own
        return None
    if not isinstance(parsed, Freeze) or not isinstance(parsed.first, int):
        return None
    return parsed.first if parsed == Freeze(first=parsed.first) else None


def _points(records: Sequence[RunRecord], metric: str) -> list[dict[str, Any]]:
    """One for each strategy of the sweep, fewest layers first; of equally many `full` and `head` come first."""
    points = []
    for strategy in dict.fromkeys(record.strategy for record in records):
        ours = [record for record in records if record.strategy == strategy]
        total = ours[0].num_layers
        frozen = None if total is None else frozen_layers(strategy, total)
        if total is None or frozen is None:
            continue
        scores = [record.validation[metric] for record in ours]
        interval = mean_interval(scores)
        low, high = interval[1:] if interval else (None, None)
        point: dict[str, Any] = {"strategy": strategy, "layers_trained": total - frozen, "total_layers": total}
        points.append(point | {"mean": float(np.mean(scores)), "low": low, "high": high, "seeds": len(scores)})
    return sorted(points, key=lambda point: (point["layers_trained"], point["strategy"].startswith("freeze")))


def _reference(points: Sequence[Mapping[str, Any]]) -> str | None:
    """Full fine-tuning: `full`, or `freeze:first=0`, which is the same but for its default learning rate."""
    names = [point["strategy"] for point in points]
    return next((name for name in ("full", "freeze:first=0") if name in names), None)


def _answer(
    points: Sequence[Mapping[str, Any]], comparisons: Iterable[Mapping[str, Any]], full: str, margin: float
) -> dict[str, Any]:
    # Training every layer under another name is no answer to how few are enough.
    fewer = [
        (point["strategy"], point["layers_trained"])
        for point in points
        if point["strategy"] == full or point["layers_trained"] < point["total_layers"]
    ]
    return asdict(fewest_layers(fewer, comparisons, full=full, margin=margin))
