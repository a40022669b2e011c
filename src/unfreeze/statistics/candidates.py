"""What a recommendation weighs: the finished runs of each strategy, summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from unfreeze.statistics.counted import state_of, which_count
from unfreeze.statistics.ranges import mean_and_range


@dataclass(frozen=True)
class Candidate:
    """One strategy on one model over its seeds. A number that was not measured is None."""

    strategy: str
    model_name: str
    scores: tuple[float, ...]  # validation score of each run that counts
    flops: float | None = None  # mean over finished runs
    fit_seconds: float | None = None  # mean over finished runs, if all know it
    fit_range: tuple[float, float] | None = None  # seconds of the shortest and the longest of them
    peak_memory_bytes: float | None = None  # mean over finished runs
    trainable_parameters: float | None = None  # mean over finished runs
    converged: bool | None = None  # False: a run was still improving at its last evaluation
    improving: int = 0  # so many of the runs
    unfinished: tuple[str, ...] = ()  # the status of each run that is left out: diverged, failed, degenerate
    errors: tuple[str, ...] = ()  # why, for each run that failed or diverged: the first line of what was said
    degenerate: tuple[str, ...] = ()  # why, for each run that learnt nothing; it counts if another one learnt something
    teacher: str | None = None  # the model that has to be trained before it

    @property
    def mean(self) -> float:
        """Mean validation score; only for candidates with scores."""
        return float(np.mean(self.scores))


def candidates_from_runs(runs: Iterable[Mapping[str, Any]], metric: str) -> list[Candidate]:
    """One candidate for each model and strategy, in order of first appearance.

    Of a grid over training set sizes only the largest size of each model and strategy is used: the question
    is what to do with all of the data.

    Which of its runs count says `which_count`.

    Args:
        runs: run records as dicts, as under `runs` in `comparison.json`; one may carry `degenerate`, the answer of
            `degenerate.degeneracy` (a reason in words, or None).
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
        done = [run for run in group if run["status"] == "done"]
        scored = [run for run in group if metric in (run.get("validation") or {})]
        finished = list(compress(scored, which_count(scored)))
        fit_seconds, fit_range = mean_and_range(run.get("fit_seconds") for run in finished)
        known = [run["converged"] for run in finished if run.get("converged") is not None]
        result.append(
            Candidate(
                strategy,
                model_name,
                scores=tuple(float(run["validation"][metric]) for run in finished),
                flops=_mean(run.get("flops") for run in finished),
                fit_seconds=fit_seconds,
                fit_range=fit_range,
                peak_memory_bytes=_mean(run.get("peak_memory_bytes") for run in finished),
                trainable_parameters=_mean(run.get("trainable_parameters") for run in finished),
                converged=all(known) if known else None,
                improving=known.count(False),
                unfinished=tuple(state_of(run) for run in group if run not in finished and state_of(run) != "done"),
                errors=tuple(line for run in group if run["status"] != "done" for line in _first_line(run)),
                teacher=next((run["teacher"] for run in group if run.get("teacher")), None),
                degenerate=tuple(str(run["degenerate"]) for run in done if run.get("degenerate")),
            )
        )
    return result


def in_question(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that may be recommended: with scores and, unless all have it, without a run that diverged."""
    scored = [one for one in candidates if one.scores]
    return [one for one in scored if "diverged" not in one.unfinished] or scored


def best_of(scored: Sequence[Candidate], *, higher_is_better: bool = True) -> Candidate:
    """The candidate with the best mean score; all must have scores."""
    return max(scored, key=lambda one: one.mean if higher_is_better else -one.mean)


def cost(one: Candidate, rivals: Sequence[Candidate]) -> tuple[float, float]:
    """What a recommendation saves: mean training FLOPs, then seconds where FLOPs are equal.

    FLOPs count only if they are known for all rivals: an unknown cost must make nobody cheap or dear.
    """
    comparable = all(rival.flops is not None for rival in rivals)
    seconds = float("inf") if one.fit_seconds is None else one.fit_seconds
    return (one.flops if comparable and one.flops is not None else 0.0), seconds


def is_cheaper(one: Candidate, other: Candidate) -> bool:
    """Whether `one` costs less than `other`."""
    return cost(one, (one, other)) < cost(other, (one, other))


def _first_line(run: Mapping[str, Any]) -> list[str]:
    return str(run.get("error") or "").strip().splitlines()[:1]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
