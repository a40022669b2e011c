"""What a recommendation weighs: the finished runs of each strategy, summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Candidate:
    """One strategy on one model over its seeds. A number that was not measured is None."""

    strategy: str
    model_name: str
    scores: tuple[float, ...]  # validation score of each finished run
    flops: float | None = None  # mean over finished runs
    train_seconds: float | None = None  # mean over finished runs
    converged: bool | None = None  # False: a run was still improving at its last evaluation
    unfinished: tuple[str, ...] = ()  # the status of each run that is left out: diverged, failed

    @property
    def mean(self) -> float:
        """Mean validation score; only for candidates with scores."""
        return float(np.mean(self.scores))


def candidates_from_runs(runs: Iterable[Mapping[str, Any]], metric: str) -> list[Candidate]:
    """One candidate for each model and strategy, in order of first appearance.

    Of a grid over training set sizes only the largest size of each model and strategy is used: the question
    is what to do with all of the data.

    Args:
        runs: run records as dicts, as under `runs` in `comparison.json`.
        metric: the validation metric that selects.
    """
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        grouped.setdefault((run["model_name"], run["strategy"]), []).append(run)
    result = []
    for (model_name, strategy), group in grouped.items():
        largest = max((run.get("train_examples") or 0 for run in group), default=0)
        # A run that failed early does not know its size; it belongs to every size.
        group = [run for run in group if (run.get("train_examples") or largest) == largest]
        finished = [one for one in group if one["status"] == "done" and metric in (one.get("validation") or {})]
        known = [run["converged"] for run in finished if run.get("converged") is not None]
        result.append(
            Candidate(
                strategy,
                model_name,
                scores=tuple(float(run["validation"][metric]) for run in finished),
                flops=_mean(run.get("flops") for run in finished),
                train_seconds=_mean(run.get("train_seconds") for run in finished),
                converged=all(known) if known else None,
                unfinished=tuple(run["status"] for run in group if run["status"] != "done"),
            )
        )
    return result


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
