"""Time until nearly as good as the best."""

from __future__ import annotations

import pytest

from unfreeze.statistics.time_to_quality import time_to_quality


def run(strategy, *points, **changes):
    """A record from (train_seconds, seconds, score) of each evaluation."""
    history = [{"train_seconds": t, "seconds": s, "validation": {"f1": f}} for t, s, f in points]
    return {"strategy": strategy, "model_name": "m", "status": "done", "history": history} | changes


FULL = run("full", (10.0, 12.0, 0.5), (20.0, 24.0, 0.9), (30.0, 36.0, 1.0))


def test_the_first_evaluation_that_reaches_it():
    target, (found,) = time_to_quality([FULL], "f1", share=0.9)
    assert target == pytest.approx(0.9)
    assert (found.train_seconds, found.seconds, found.resolution_seconds) == (20.0, 24.0, 12.0)
    assert (found.reached, found.runs) == (1, 1)


def test_at_the_first_evaluation_the_start_is_the_one_before():
    _, (found,) = time_to_quality([FULL], "f1", share=0.4)
    assert (found.train_seconds, found.resolution_seconds) == (10.0, 12.0)


def test_no_score_is_reached_before_the_cache_is_filled():
    head = run("head", (1.0, 12.0, 0.9), (2.0, 15.0, 1.0), cache_fill_seconds=8.0)
    _, (first,) = time_to_quality([head], "f1", share=0.5)
    assert (first.seconds, first.resolution_seconds) == (12.0, 4.0)
    _, (second,) = time_to_quality([head], "f1", share=1.0)
    assert (second.seconds, second.resolution_seconds) == (15.0, 3.0)


def test_the_target_is_the_best_strategys():
    slow = run("head", (1.0, 1.0, 0.3), (2.0, 2.0, 0.4))
    target, found = time_to_quality([slow, FULL], "f1")
    assert target == pytest.approx(0.95)
    assert [(one.strategy, one.train_seconds, one.reached) for one in found] == [("head", None, 0), ("full", 30.0, 1)]


def test_one_lucky_seed_does_not_set_the_target():
    lucky = [run("lora", (1.0, 1.0, 0.99)), run("lora", (1.0, 1.0, 0.61))]
    steady = [run("full", (1.0, 1.0, 0.9)), run("full", (1.0, 1.0, 0.9))]
    assert time_to_quality(lucky + steady, "f1", share=1.0)[0] == pytest.approx(0.9)


def test_a_mean_only_if_every_seed_reaches_it():
    late = run("full", (10.0, 12.0, 0.5), (40.0, 48.0, 1.0))
    _, (both,) = time_to_quality([FULL, late], "f1")
    assert (both.train_seconds, both.seconds, both.resolution_seconds) == (35.0, 42.0, 24.0)
    _, (one,) = time_to_quality([FULL, run("full", (10.0, 12.0, 0.8))], "f1")
    assert (one.train_seconds, one.resolution_seconds, one.reached, one.runs) == (None, None, 1, 2)


def test_runs_that_do_not_count():
    assert time_to_quality([], "f1") == (None, [])
    bad = [FULL | {"status": "diverged"}, FULL | {"degenerate": "predicts joy for every text"}, run("full")]
    assert time_to_quality(bad, "f1") == (None, [])
    assert time_to_quality([FULL], "accuracy") == (None, [])


def test_a_run_that_learnt_nothing_counts_where_another_seed_learnt_something():
    """Else luck among collapsed runs would be early, and set the target (docs/decisions/0009-verdicts.md)."""
    collapsed = run("full", (10.0, 12.0, 0.1), (40.0, 48.0, 0.1)) | {"degenerate": "predicts joy for every text"}
    target, (found,) = time_to_quality([FULL, collapsed], "f1", share=1.0)
    best = max(one["validation"]["f1"] for one in FULL["history"])
    assert target == pytest.approx((best + 0.1) / 2)
    assert (found.reached, found.runs, found.train_seconds) == (1, 2, None)


def test_times_that_were_not_measured_are_unknown():
    old = run("full", (None, 12.0, 0.5), (None, 24.0, 1.0))
    _, (found,) = time_to_quality([old], "f1")
    assert (found.train_seconds, found.seconds, found.resolution_seconds) == (None, 24.0, 12.0)
