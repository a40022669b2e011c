"""Which runs say how good a strategy is (docs/decisions/0009-verdicts.md): one rule for every mean of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def state_of(run: Mapping[str, Any]) -> str:
    """The status of a run, or "degenerate" if it ended and its predictions show that it learnt nothing.

    Args:
        run: a record as dict; where there is `degenerate`, it is the answer of `degenerate.degeneracy`.
    """
    return "degenerate" if run["status"] == "done" and run.get("degenerate") else str(run["status"])


def which_count(runs: Iterable[Mapping[str, Any]]) -> list[bool]:
    """For each run whether it counts, as one of the runs given.

    What diverged or failed never does. Where no run of a strategy on a model learnt anything, all are left out like
    failed ones: the scores say nothing about it. Where some did, those that did not count with their scores: that it
    may happen is a property of the strategy, and else luck among collapsed runs would win.

    Args:
        runs: records as dicts, of one size of the training data; of any strategies and models.
    """
    runs = list(runs)
    learnt = {(run["model_name"], run["strategy"]) for run in runs if state_of(run) == "done"}
    return [run["status"] == "done" and (run["model_name"], run["strategy"]) in learnt for run in runs]
