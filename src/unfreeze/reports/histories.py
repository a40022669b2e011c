"""The evaluations of a run that a figure draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.storage.records import RunRecord

MOST = 40  # of a run: more cannot be told apart on a page, and with many runs they would fill it


def thinned(run: RunRecord, metric: str, most: int = MOST) -> Sequence[Mapping[str, Any]]:
    """The evaluations that have a score, about `most` of them at most: evenly spread, the selected and the last too."""
    known = [one for one in run.history if _is_known(one, metric)]
    if len(known) <= most:
        return known
    step = (len(known) - 1) / (most - 1)
    kept = {round(i * step) for i in range(most)}
    return [one for i, one in enumerate(known) if i in kept or one["epoch"] == run.best_epoch]


def _is_known(entry: Mapping[str, Any], metric: str) -> bool:
    return entry.get("epoch") is not None and (entry.get("validation") or {}).get(metric) is not None
