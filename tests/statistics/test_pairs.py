"""All pairs at once: what each entry says, and that it says why."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.bootstrap import example_weights
from unfreeze.statistics.pairs import compare_pairs

KEYS = {"a", "b", "model_name", "split", "metric", "difference", "low", "high", "p_value", "verdict", "margin"}
KEYS |= {"scope", "reason", "needed"}


def accuracy(sums):
    return sums[..., 0] / sums[..., 1]


def counts(quality, seeds=3, examples=500, spread=0.0, seed=0):
    generator = np.random.default_rng((int(1000 * quality), seeds, seed))
    right = generator.random((seeds, examples)) < quality + generator.normal(0, spread, (seeds, 1))
    return np.stack([right, np.ones_like(right)], axis=-1).astype(float)


def pairs(runs, **settings):
    return compare_pairs(runs, accuracy, model_name="m", split="test", metric="accuracy", **settings)


def test_twelve_strategies_can_still_be_told_apart():
    """Holm multiplies by 66; the bootstrap must be able to show a p-value small enough for that."""
    entries = pairs({f"s{i}": counts(0.5 + 0.04 * i) for i in range(12)})
    assert len(entries) == 66
    assert all(set(entry) == KEYS for entry in entries)
    farthest = next(entry for entry in entries if (entry["a"], entry["b"]) == ("s0", "s11"))
    assert farthest["verdict"] == "worse"
    assert farthest["p_value"] < 0.05


def test_correction_takes_back_what_chance_would_find_and_says_so():
    entries = pairs({f"s{i}": counts(0.8, seeds=1, examples=200, seed=i) for i in range(12)})
    assert {entry["verdict"] for entry in entries} == {"not enough data"}
    alone = [entry for entry in entries if entry["low"] > 0 or entry["high"] < 0]
    assert alone  # each by itself, some would have been found
    assert all("excludes 0, but" in entry["reason"] and "66 pairs" in entry["reason"] for entry in alone)


def test_an_interval_within_the_margin_that_is_no_tie_is_explained():
    entries = pairs({f"s{i}": counts(0.8, seeds=1, examples=2000, seed=i) for i in range(8)}, margin=0.03)
    open_ties = [e for e in entries if e["low"] >= -0.03 and e["high"] <= 0.03 and e["verdict"] == "not enough data"]
    assert open_ties
    assert all("within the margin" in entry["reason"] for entry in open_ties)


def test_scope_is_these_weights_only_with_one_seed_on_a_side():
    runs = {"full": counts(0.9), "head": counts(0.8, seeds=1), "lora": counts(0.85)}
    scopes = {(entry["a"], entry["b"]): entry["scope"] for entry in pairs(runs)}
    assert scopes == {
        ("full", "head"): "these weights only",
        ("full", "lora"): "examples and seeds",
        ("head", "lora"): "these weights only",
    }


def test_one_clear_pair_needs_nothing_more():
    (entry,) = pairs({"full": counts(0.9), "head": counts(0.5)})
    assert (entry["verdict"], entry["needed"], entry["scope"]) == ("better", None, "examples and seeds")
    assert "full scores" in entry["reason"]
    assert "corrected" not in entry["reason"]  # there was nothing to correct for


def test_a_tie_needs_nothing_more():
    (entry,) = pairs({"full": counts(0.9, examples=4000), "lora": counts(0.9, examples=4000, seed=1)}, margin=0.05)
    assert (entry["verdict"], entry["needed"]) == ("tie", None)
    assert "0.05" in entry["reason"]


def test_what_is_needed_is_more_than_there_is():
    runs = {f"s{i}": counts(0.8 + 0.01 * i, spread=0.005) for i in range(4)}
    undecided = [entry for entry in pairs(runs) if entry["verdict"] == "not enough data"]
    assert undecided
    for entry in undecided:
        seeds, examples = entry["needed"]["seeds"], entry["needed"]["examples"]
        assert seeds is None or seeds > 3
        assert examples is None or examples > 500


def test_one_seed_cannot_say_how_many_are_needed():
    (entry,) = pairs({"a": counts(0.80, seeds=1), "b": counts(0.81, seeds=1)})
    assert entry["needed"]["seeds"] is None
    assert entry["needed"]["examples"] > 500


def test_a_look_asks_for_more_than_a_single_test():
    runs = {"a": counts(0.80, seeds=1), "b": counts(0.87, seeds=1, seed=3)}
    (at_once,), (look,) = pairs(runs), pairs(runs, alpha=1e-3)
    assert (at_once["verdict"], look["verdict"]) == ("worse", "not enough data")
    assert "this look's level of 0.001" in look["reason"]
    assert at_once["p_value"] == pytest.approx(look["p_value"], rel=0.2)


def test_the_order_of_strategies_turns_verdicts_round_and_changes_no_more():
    runs = {f"s{i}": counts(0.7 + 0.05 * i, spread=0.01) for i in range(4)}
    opposite = {"better": "worse", "worse": "better"}
    there = {(e["a"], e["b"]): e for e in pairs(runs)}
    for entry in pairs(dict(reversed(runs.items()))):
        other = there[entry["b"], entry["a"]]
        assert entry["verdict"] == opposite.get(other["verdict"], other["verdict"])
        assert entry["p_value"] == pytest.approx(other["p_value"])


def test_weights_drawn_before_give_the_same_verdicts():
    """The benchmark draws them once for thousands of comparisons; it must judge as a comparison does."""
    runs = {f"s{i}": counts(0.8 + 0.02 * i) for i in range(3)}
    assert pairs(runs, weights=example_weights(500, 5000)) == pairs(runs)


def test_one_strategy_has_no_pairs():
    assert pairs({"full": counts(0.8)}) == []
    assert pairs({}) == []
