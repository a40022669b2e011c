"""Levels of several looks, and when no more seeds are needed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.statistics.candidates import Candidate
from unfreeze.statistics.spending import alpha_at, contenders, decided, open_questions


@given(st.integers(1, 30), st.floats(1e-3, 0.2))
def test_the_looks_spend_it_all_and_no_more(looks, alpha):
    levels = [alpha_at(look, looks, alpha) for look in range(1, looks + 1)]
    assert sum(levels) == pytest.approx(alpha)
    assert all(level > 0 for level in levels)
    assert levels == sorted(levels, reverse=True)


def test_one_look_is_the_plain_test():
    assert alpha_at(1, 1, 0.05) == pytest.approx(0.05)


@pytest.mark.parametrize("look", [0, 4, -1])
def test_a_look_that_was_not_planned_is_refused(look):
    with pytest.raises(ValueError, match="from 1 to 3"):
        alpha_at(look, 3)


FULL = Candidate("full", "m", (0.92, 0.93), flops=10.0)
LORA = Candidate("lora", "m", (0.92, 0.92), flops=7.0)
FREEZE = Candidate("freeze:first=3", "m", (0.91, 0.92), flops=5.0)
HEAD = Candidate("head", "m", (0.6, 0.6), flops=1.0)
DEAR = Candidate("full:epochs=9", "m", (0.91, 0.92), flops=90.0)


def entry(b, verdict, a="full", **changes):
    found = {"a": a, "b": b, "model_name": "m", "split": "validation", "verdict": verdict}
    return found | {"low": -0.05, "high": 0.05, "margin": 0.01, "p_value": 0.5} | changes


def questions(*verdicts, candidates=(FULL, LORA, FREEZE, HEAD, DEAR), **changes):
    return open_questions(candidates, [entry(b, verdict, **changes) for b, verdict in verdicts])


UNKNOWN = "not enough data"
SETTLED = [("full:epochs=9", "better")]
NARROW = {"low": -0.009, "high": 0.009}  # no rival can be better by more than the margin


def test_a_dearer_one_matters_if_it_may_be_better():
    known = [("lora", "better"), ("freeze:first=3", "tie"), ("head", "better")]
    assert questions(*known, ("full:epochs=9", UNKNOWN)) == ["full:epochs=9"]
    assert questions(*known, ("full:epochs=9", UNKNOWN), **NARROW) == []
    assert questions(*known, *SETTLED) == []


def test_each_cheaper_one_must_be_settled():
    known = [("lora", UNKNOWN), ("freeze:first=3", UNKNOWN), ("head", "better"), *SETTLED]
    assert questions(*known, **NARROW) == ["lora", "freeze:first=3"]


def test_what_costs_more_than_a_tie_matters_only_if_it_may_be_better():
    known = [("lora", UNKNOWN), ("freeze:first=3", "tie"), ("head", "better"), *SETTLED]
    assert questions(*known, **NARROW) == []
    assert questions(*known) == ["lora"]
    known = [("lora", "tie"), ("freeze:first=3", UNKNOWN), ("head", "better"), *SETTLED]
    assert questions(*known, **NARROW) == ["freeze:first=3"]


def test_a_pair_that_was_not_compared_leaves_everything_open():
    assert questions(("lora", "better"), ("freeze:first=3", "better")) is None
    assert not decided([FULL, HEAD], [])
    assert not decided([], [])


def test_the_order_within_an_entry_does_not_matter():
    assert decided([FULL, HEAD], [entry("full", "worse", a="head")])
    assert not decided([FULL, HEAD], [entry("full", UNKNOWN, a="head")])


def test_other_splits_and_models_do_not_count():
    assert not decided([FULL, HEAD], [entry("head", "better", split="test")])
    assert not decided([FULL, HEAD], [entry("head", "better", model_name="n")])


def test_the_cheapest_strategy_as_the_best_is_decided_if_no_other_may_be_better():
    best = Candidate("head", "m", (0.99, 0.99), flops=1.0)
    assert not decided([FULL, best], [])
    assert decided([FULL, best], [entry("head", "worse")])
    assert decided([FULL, best], [entry("head", UNKNOWN, **NARROW)])
    assert not decided([FULL, best], [entry("head", UNKNOWN)])


def test_who_gets_the_next_seed():
    """All that are not shown to be worse, so that means run over the same seeds; on each model by itself."""
    other = Candidate("full", "n", (0.5, 0.6), flops=10.0)
    known = [("lora", UNKNOWN), ("freeze:first=3", "tie"), ("head", "better"), *SETTLED]
    found = contenders([FULL, LORA, FREEZE, HEAD, DEAR, other], [entry(b, verdict) for b, verdict in known])
    assert found == [FULL, LORA, FREEZE, other]


def test_what_diverged_is_in_question_only_where_all_did():
    shaky = Candidate("full:learning_rate=1", "m", (0.99,), flops=10.0, unfinished=("diverged",))
    assert questions(("lora", "better"), candidates=(FULL, LORA, shaky)) == []
    assert contenders([FULL, shaky], []) == [FULL]
    assert contenders([shaky], []) == [shaky]
