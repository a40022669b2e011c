"""The rule of the recommendation, and that its reasons tell the whole story."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unfreeze.statistics.candidates import Candidate, candidates_from_runs
from unfreeze.statistics.recommend import recommend


def candidate(strategy, *scores, flops=1.0, **changes):
    return Candidate(strategy, "m", scores=scores, flops=flops, fit_seconds=10 * (flops or 1), **changes)


FULL = candidate("full", 0.920, 0.921, 0.919, flops=10.0)
FREEZE = candidate("freeze:first=3", 0.914, 0.915, 0.913, flops=5.0)
HEAD = candidate("head", 0.80, 0.81, 0.79, flops=1.0)


def test_the_cheapest_within_the_margin():
    found = recommend([FULL, FREEZE, HEAD], metric="macro_f1")
    assert (found.strategy, found.model_name) == ("freeze:first=3", "m")
    assert "0.9140 ± 0.0025 over 3 seeds" in found.reasons[0]
    assert "50 % of the training compute" in found.reasons[1]


def test_what_the_chosen_one_costs_says_times_only_where_no_run_of_one_took_as_long_as_one_of_the_other():
    def reasons(low, high):
        chosen = replace(FREEZE, fit_seconds=60.0, fit_range=(low, high))
        return recommend([replace(FULL, fit_range=(90.0, 120.0)), chosen]).reasons

    assert "needs the least training compute (FLOPs) of the 2 strategies" in reasons(50.0, 70.0)[0]
    assert (
        reasons(50.0, 70.0)[1] == "It takes 50 % of the training compute (FLOPs) and 60 % of the training time of full."
    )
    assert reasons(50.0, 90.4)[1:3] == [
        "It takes 50 % of the training compute (FLOPs) of full.",
        "Their training times overlap from seed to seed: 50 to 90 s against 90 to 120 s.",
    ]
    timed = [replace(one, flops=None) for one in (FULL, FREEZE)]
    assert "It trains fastest of the 2 strategies" in recommend(timed).reasons[0]
    equal = [replace(one, flops=1.0) for one in (FULL, FREEZE)]
    assert "It trains fastest of the 2 strategies" in recommend(equal).reasons[0]
    unknown = [replace(one, flops=None, fit_seconds=None) for one in (FULL, FREEZE)]
    assert "and costs no more than any of the 2 strategies" in recommend(unknown).reasons[0]


def test_of_one_run_each_the_time_is_said_to_be_that():
    chosen = replace(FREEZE, scores=(0.914,), fit_range=(60.0, 60.0), fit_seconds=60.0)
    reasons = recommend([replace(FULL, scores=(0.92,), fit_range=(100.0, 100.0)), chosen]).reasons
    assert "and 60 % of the training time (one run each) of full." in reasons[1]


def test_the_margin_itself_is_within():
    assert recommend([candidate("full", 0.92, flops=2.0), candidate("lora", 0.91)]).strategy == "lora"


@pytest.mark.parametrize(
    ("a", "b", "verdict"), [("full", "freeze:first=3", "better"), ("freeze:first=3", "full", "worse")]
)
def test_significantly_worse_is_not_good_enough(a, b, verdict):
    entry = {"a": a, "b": b, "model_name": "m", "split": "validation", "verdict": verdict}
    assert recommend([FULL, FREEZE, HEAD], [entry]).strategy == "full"
    assert recommend([FULL, FREEZE, HEAD], [entry | {"split": "test"}]).strategy == "freeze:first=3"
    assert recommend([FULL, FREEZE, HEAD], [entry | {"verdict": "tie"}]).strategy == "freeze:first=3"


def test_nothing_finished():
    found = recommend([Candidate("full", "m", (), unfinished=("failed", "diverged"))])
    assert found.strategy is None
    assert "2 of 2 runs left out (diverged, failed)" in found.reasons[-1]
    assert recommend([]).strategy is None


def test_why_runs_failed_is_said_in_one_line_each():
    run = {"strategy": "full", "model_name": "m", "status": "failed", "validation": {}}
    runs = [run | {"error": error} for error in ("OSError: no space left\nTraceback", "OSError: no space left", None)]
    runs.append(run | {"status": "diverged", "error": "loss is nan"})
    [full] = candidates_from_runs(runs, "f1")
    assert "full: 4 of 4 runs left out (diverged, failed; OSError: no space left; loss is nan)." in (
        recommend([full, HEAD]).reasons
    )


def test_one_seed_is_said():
    assert any("these weights only" in reason for reason in recommend([candidate("full", 0.9)]).reasons)
    assert not any("these weights only" in reason for reason in recommend([FULL, FREEZE]).reasons)


def test_a_loser_that_was_still_improving_is_said():
    found = recommend([FULL, candidate("head", 0.7, 0.7, flops=1.0, converged=False)])
    assert "head was still improving at its last epoch: more --epochs may change this." in found.reasons
    rising = [Candidate(name, "m", (0.9, 0.9), flops=1.0, converged=False) for name in ("full", "lora", "head")]
    assert "full, lora and head were still improving at their last epoch: more --epochs may change this." in (
        recommend(rising).reasons
    )


def test_unknown_flops_make_nobody_cheap():
    seconds = Candidate("lora", "m", (0.92, 0.92), flops=None, fit_seconds=1.0)
    assert recommend([FULL, FREEZE, seconds]).strategy == "lora"
    unknown = Candidate("bitfit", "m", (0.92, 0.92))
    assert recommend([FULL, FREEZE, unknown]).strategy == "freeze:first=3"


def test_what_the_teacher_costs_is_not_forgotten():
    student = candidate("distill:teacher=runs/full,layers=2", 0.9, flops=1.0, teacher="runs/full")
    found = recommend([student, candidate("full", 0.9, flops=2.0)])
    assert found.strategy == student.strategy
    assert "Its teacher, runs/full, is trained first: that comes on top." in found.reasons
    assert not any("teacher" in one for one in recommend([candidate("full", 0.9, flops=2.0)]).reasons)


def test_lower_can_be_better():
    low = candidate("full", 2.0, 2.0, flops=3.0)
    assert recommend([low, candidate("head", 3.0, 3.0)], higher_is_better=False).strategy == "full"


def test_several_models_are_named():
    other = Candidate("full", "n", (0.95, 0.95), flops=3.0)
    assert "full on n" in recommend([FULL, other]).reasons[0]


def test_candidates_from_runs():
    run = {"strategy": "full", "model_name": "m", "status": "done", "validation": {"f1": 0.9}, "flops": 4.0}
    runs = [
        run | {"train_examples": 100, "converged": True, "teacher": None},
        run | {"train_examples": 100, "converged": False, "flops": 2.0},
        run | {"train_examples": 10, "validation": {"f1": 0.1}},
        run | {"status": "failed", "validation": {}, "train_examples": None},
        run | {"strategy": "head", "validation": None, "flops": None},
        run | {"strategy": "distill:teacher=runs/m", "teacher": "runs/m", "flops": None},
    ]
    full, head, student = candidates_from_runs(runs, "f1")
    assert full == Candidate("full", "m", (0.9, 0.9), flops=3.0, converged=False, improving=1, unfinished=("failed",))
    assert head == Candidate("head", "m", ())
    assert student == Candidate("distill:teacher=runs/m", "m", (0.9,), teacher="runs/m")
