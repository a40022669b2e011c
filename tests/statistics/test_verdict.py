"""Verdicts, corrections, Pareto."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.statistics.candidates import Candidate
from unfreeze.statistics.pareto import pareto_front, pareto_strategies
from unfreeze.statistics.verdict import holm, judge, most_ties_in_doubt

OPPOSITE = {"better": "worse", "worse": "better", "tie": "tie", "not enough data": "not enough data"}


@pytest.mark.parametrize(
    ("p_value", "tie_p_value", "verdict"),
    [
        (0.5, 0.01, "tie"),
        (0.01, 0.01, "tie"),
        (0.01, 0.5, "better"),
        (0.049, 1.0, "better"),
        (0.05, 0.05, "not enough data"),
        (0.5, 1.0, "not enough data"),
    ],
)
def test_judge(p_value, tie_p_value, verdict):
    assert judge(0.02, p_value=p_value, tie_p_value=tie_p_value) == verdict
    assert judge(-0.02, p_value=p_value, tie_p_value=tie_p_value) == OPPOSITE[verdict]


def test_a_smaller_level_asks_for_more():
    assert judge(0.02, p_value=0.02, tie_p_value=1.0, alpha=0.01) == "not enough data"


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


@pytest.mark.parametrize("strategies", range(2, 9))
def test_no_scores_leave_more_ties_in_doubt(strategies):
    """Pairs whose distance is the margin or little more: two groups at that distance have most of them."""
    generator = np.random.default_rng(strategies)
    two_groups = np.array([0.0, 1.0] * strategies)[:strategies]
    tries = [two_groups, *generator.uniform(0, 3, (200, strategies)), *generator.integers(0, 3, (200, strategies))]
    most = max(sum(1 <= abs(a - b) < 2 for a, b in combinations(scores, 2)) for scores in tries)
    assert most == most_ties_in_doubt(strategies)


def test_fronts_of_strategies():
    full = Candidate("full", "m", (0.9,), fit_seconds=10.0, peak_memory_bytes=5.0, trainable_parameters=100.0)
    head = Candidate("head", "m", (0.7,), fit_seconds=1.0, peak_memory_bytes=1.0, trainable_parameters=1.0)
    slow = Candidate("lora", "m", (0.8,), fit_seconds=12.0, peak_memory_bytes=3.0, trainable_parameters=2.0)
    failed = Candidate("bitfit", "m", ())
    fronts = pareto_strategies([full, head, slow, failed])
    assert fronts == {
        "fit_seconds": ["head", "full"],
        "peak_memory_bytes": ["head", "lora", "full"],
        "trainable_parameters": ["head", "lora", "full"],
    }
    assert pareto_strategies([full, head], higher_is_better=False)["fit_seconds"] == ["head"]
    assert pareto_strategies([]) == {}


def test_a_missing_cost_makes_no_front():
    full = Candidate("full", "m", (0.9,), fit_seconds=10.0, trainable_parameters=100.0)
    unknown = Candidate("full", "n", (0.8,), trainable_parameters=90.0)
    assert pareto_strategies([full, unknown]) == {"trainable_parameters": ["full on n", "full on m"]}
