"""How many layers need to train: the strategies of a comparison that differ in nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from unfreeze.statistics.full_reference import full_among
from unfreeze.statistics.student import mean_interval
from unfreeze.statistics.sweep import fewest_layers
from unfreeze.storage.records import RunRecord
from unfreeze.strategies import STRATEGIES, Freeze, StrategyError
from unfreeze.strategies.parse import parse_strategies

LEAST_POINTS = 3  # different numbers of trained layers that make a sweep

Embeddings = Literal["train", "freeze"]


@dataclass(frozen=True)
class Kind:
    """What strategies that freeze the lowest layers may differ in beside the number of these."""

    embeddings: Embeddings = "freeze"
    learning_rate: float = Freeze.learning_rate


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
        ours = [one for one in records if one.model_name == model and one.num_layers is not None]
        kind, frozen = _largest({one.strategy: one for one in ours})
        if len(set(frozen.values())) < LEAST_POINTS:
            continue
        points = [_point([one for one in ours if one.strategy == name], frozen[name], metric) for name in frozen]
        points.sort(key=lambda point: (point["layers_trained"], point["strategy"].startswith("freeze")))
        full = full_among(frozen) or next((name for name in frozen if name.startswith("freeze:first=0")), None)
        against = None if compared is None else [entry for entry in compared if entry["model_name"] == model]
        answer = None if full is None or against is None else _answer(points, against, full, margin)
        entry = {"model_name": model, "metric": metric, "embeddings": kind.embeddings, "full": full}
        entries.append(entry | {"points": points, "answer": answer})
    return entries


def _largest(records: Mapping[str, RunRecord]) -> tuple[Kind, dict[str, int]]:
    """Of the sets of strategies of one model that differ in the number of frozen layers alone, the one with most of
    them: its kind, and strategy -> how many of the lowest layers it freezes. Full fine-tuning is in each of them.

    Args:
        records: one of each strategy, whose number of layers is known.
    """
    sets: dict[Kind, dict[str, int]] = {Kind(): {}}
    full = full_among(records)
    for name, record in records.items():
        assert record.num_layers is not None
        if (found := frozen_layers(name, record.num_layers)) is not None:
            kind, frozen = found
            sets.setdefault(kind, {})[name] = frozen
    if full is not None:
        for members in sets.values():
            members[full] = 0
    return max(sets.items(), key=lambda one: len(set(one[1].values())))


def frozen_layers(strategy: str, num_layers: int) -> tuple[Kind, int] | None:
    """How many of the lowest layers a strategy freezes, and what else it says; None where it does something else.

    >>> frozen_layers("freeze:first=2", 6), frozen_layers("freeze:last=2", 6)
    ((Kind(embeddings='freeze', learning_rate=0.0002), 2), None)
    >>> frozen_layers("freeze:layers", 6), frozen_layers("head", 6) == frozen_layers("freeze:first=6", 6)
    ((Kind(embeddings='train', learning_rate=0.0002), 6), True)
    """
    if strategy == "head":
        return Kind(), num_layers
    if not strategy.startswith("freeze:") or "+" in strategy:
        return None
    try:
        [parsed] = parse_strategies(strategy, STRATEGIES)
    except StrategyError:  # one of the user's own
        return None
    if not isinstance(parsed, Freeze) or (parsed.first is None and not parsed.layers):
        return None
    # `first=0` freezes no embeddings either, so that it begins every sweep over k that says nothing of them.
    embeddings: Embeddings = parsed.embeddings or ("train" if parsed.layers else "freeze")
    return Kind(embeddings, parsed.learning_rate), len(parsed.frozen_layers(num_layers))


def _point(records: Sequence[RunRecord], frozen: int, metric: str) -> dict[str, Any]:
    """Of the runs of one strategy."""
    total = records[0].num_layers
    assert total is not None  # else it was not known how many it freezes
    scores = [record.validation[metric] for record in records]
    interval = mean_interval(scores)
    low, high = interval[1:] if interval else (None, None)
    point: dict[str, Any] = {"strategy": records[0].strategy, "layers_trained": total - frozen, "total_layers": total}
    return point | {"mean": float(np.mean(scores)), "low": low, "high": high, "seeds": len(scores)}


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
