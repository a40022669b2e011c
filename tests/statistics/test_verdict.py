"""Verdicts, corrections, pairs, Pareto."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.statistics.bootstrap import Difference
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.statistics.pareto import pareto_front
from unfreeze.statistics.verdict import holm, judge

OPPOSITE = {"better": "worse", "worse": "better", "tie": "tie", "undecided": "undecided"}
KEYS = {"a", "b", "model_name", "split", "metric", "difference", "low", "high", "p_value", "verdict"}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.01, "tie"),
        (0.001, 0.009, "tie"),
        (0.001, 0.02, "better"),
        (-0.02, -0.001, "worse"),
        (-0.02, 0.005, "undecided"),
        (0.0, 0.02, "undecided"),
    ],
)
def test_judge(low, high, verdict):
    assert judge(Difference((low + high) / 2, low, high, 0.5)) == verdict
    assert judge(Difference(-(low + high) / 2, -high, -low, 0.5)) == OPPOSITE[verdict]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_monotone_and_never_lowers(p_values):
    corrected = holm(p_values)
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [corrected[i] for i in order] == sorted(corrected)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=10))
def test_the_front_is_what_no_other_beats(points):
    def beaten(one):
        return any(cost <= one[0] and score >= one[1] and (cost, score) != one for cost, score in points)

    front = pareto_front(points)
    assert sorted(front) == [i for i, point in enumerate(points) if not beaten(point)]
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


def accuracy(sums):
    return sums[..., 0] / sums[..., 1]


def counts(quality, seeds=3, examples=500):
    generator = np.random.default_rng(int(1000 * quality))
    right = (generator.random((seeds, examples)) < quality).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1)


def test_twelve_strategies_can_still_be_told_apart():
    """Holm multiplies by 66; the bootstrap must be able to show a p-value small enough for that."""
    runs = {f"s{i}": counts(0.5 + 0.04 * i) for i in range(12)}
    entries = compare_pairs(runs, accuracy, model_name="m", split="test", metric="accuracy")
    assert len(entries) == 66
    assert all(set(entry) == KEYS for entry in entries)
    farthest = next(entry for entry in entries if (entry["a"], entry["b"]) == ("s0", "s11"))
    assert farthest["verdict"] == "worse"
    assert farthest["p_value"] < 0.05


def test_correction_takes_back_what_chance_would_find():
    runs = {f"s{i}": counts(0.8 + 0.001 * i, seeds=1, examples=200) for i in range(12)}
    entries = compare_pairs(runs, accuracy, model_name="m", split="test", metric="accuracy", repetitions=1000)
    assert {entry["verdict"] for entry in entries} <= {"tie", "undecided"}
    assert any(entry["low"] > 0 or entry["high"] < 0 for entry in entries)  # alone, some would have been found


def test_one_strategy_has_no_pairs():
    assert compare_pairs({"full": counts(0.8)}, accuracy, model_name="m", split="test", metric="accuracy") == []
    assert compare_pairs({}, accuracy, model_name="m", split="test", metric="accuracy") == []
