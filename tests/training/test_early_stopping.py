"""Which evaluation was best, when patience ends, and whether a run was still rising."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.training.early_stopping import BestEvaluation


def follow(scores: list[float], patience: int | None) -> tuple[list[bool], list[bool]]:
    best = BestEvaluation(patience, [])
    is_best, exhausted = [], []
    for score in scores:
        is_best.append(best.add(score))
        exhausted.append(best.exhausted)
    return is_best, exhausted


def test_the_first_of_equal_scores_stays_the_best() -> None:
    assert follow([0.5, 0.5, 0.6, 0.6], None)[0] == [True, False, True, False]


def test_patience_counts_evaluations_without_a_new_best() -> None:
    assert follow([0.5, 0.4, 0.6, 0.6, 0.5], 2)[1] == [False, False, False, False, True]
    assert follow([0.5, 0.5], 1)[1] == [False, True]


def test_without_patience_nothing_stops() -> None:
    assert not any(follow([0.5, 0.4, 0.3, 0.2], None)[1])


@given(st.lists(st.floats(0, 1), min_size=1), st.integers(1, 5))
def test_the_best_is_the_first_maximum(scores: list[float], patience: int) -> None:
    is_best, _ = follow(scores, patience)
    assert max(i for i, best in enumerate(is_best) if best) == scores.index(max(scores))


@pytest.mark.parametrize(
    ("scores", "converged"),
    [([], None), ([0.5], None), ([0.5, 0.6], False), ([0.6, 0.6], True), ([0.6, 0.603], True), ([0.6, 0.5], True)],
)
def test_converged(scores: list[float], converged: bool | None) -> None:
    assert BestEvaluation(None, scores).converged is converged
