"""Laws of the interval over examples and seeds."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.bootstrap import paired_difference, resampled_scores
from unfreeze.statistics.verdict import judge


def accuracy(sums):
    return sums[..., 0] / sums[..., 1]


def draw(generator, quality, seeds, examples=300, spread=0.0, difficulty=None):
    """Counts (seeds, examples, 2) of models that are right with a probability of `quality` plus the seed's luck."""
    luck = generator.normal(0, spread, (seeds, 1)) if spread else np.zeros((seeds, 1))
    chance = generator.random((seeds, examples)) if difficulty is None else difficulty
    right = (chance < quality + luck).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1)


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_a_strategy_against_itself(generator):
    one = draw(generator, 0.9, 1)
    found = paired_difference(one, one, accuracy)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert judge(found) == "tie"
    several = draw(generator, 0.9, 3, spread=0.02)
    assert paired_difference(several, several, accuracy).difference == 0
    assert judge(paired_difference(several, several, accuracy)) in ("tie", "undecided")


def test_swapping_negates(generator):
    a, b = draw(generator, 0.9, 3, spread=0.02), draw(generator, 0.85, 2, spread=0.02)
    there, back = paired_difference(a, b, accuracy), paired_difference(b, a, accuracy)
    assert there.difference == -back.difference
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
    assert there.p_value == back.p_value


def test_equal_seed_gives_equal_results(generator):
    a, b = draw(generator, 0.9, 2), draw(generator, 0.8, 2)
    assert paired_difference(a, b, accuracy, seed=3) == paired_difference(a, b, accuracy, seed=3)
    assert paired_difference(a, b, accuracy, seed=3) != paired_difference(a, b, accuracy, seed=4)


def test_pairing_narrows(generator):
    """Two models that fail on the same examples are compared more sharply than two that fail independently."""
    difficulty = generator.random(300)
    paired = paired_difference(
        draw(generator, 0.90, 1, difficulty=difficulty), draw(generator, 0.85, 1, difficulty=difficulty), accuracy
    )
    independent = paired_difference(draw(generator, 0.90, 1), draw(generator, 0.85, 1), accuracy)
    assert paired.high - paired.low < 0.7 * (independent.high - independent.low)


def test_without_spread_between_seeds_it_is_the_paired_standard_error(generator):
    a, b = draw(generator, 0.9, 1, examples=2000), draw(generator, 0.85, 1, examples=2000)
    found = paired_difference(a, b, accuracy, repetitions=4000)
    error = float((a[0, :, 0] - b[0, :, 0]).std(ddof=1) / np.sqrt(2000))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_seeds_alone_give_welchs_interval():
    """With the same score on every example only seeds vary: interval and p-value are those of Welch's t-test."""
    from scipy import stats

    a, b = np.array([0.90, 0.92, 0.91]), np.array([0.88, 0.85, 0.865])
    counts_a, counts_b = (np.stack([np.stack([[s] * 5, [1] * 5], axis=-1) for s in some]) for some in (a, b))
    found = paired_difference(counts_a, counts_b, accuracy, repetitions=20_000)
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval(0.95)), abs=0.002)
    assert found.p_value == pytest.approx(welch.pvalue, rel=0.1)


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.0), (3, 0.02), (5, 0.01)])
def test_the_interval_covers_the_truth(seeds, spread):
    """95 % intervals hold the true difference in at least 91 % of 200 experiments (chance alone: 0.95 - 2.6 sd)."""
    covered = 0
    for trial in range(200):
        generator = np.random.default_rng((trial, seeds))
        a, b = (draw(generator, quality, seeds, examples=150, spread=spread) for quality in (0.85, 0.80))
        found = paired_difference(a, b, accuracy, repetitions=300, seed=trial)
        covered += found.low <= 0.05 <= found.high
    assert covered >= 182


def test_chunks_change_nothing(generator, monkeypatch):
    counts = [draw(generator, 0.8, 2), draw(generator, 0.7, 3)]
    whole = resampled_scores(counts, accuracy, repetitions=50)
    monkeypatch.setattr("unfreeze.statistics.bootstrap._CHUNK_NUMBERS", 2100)  # seven repetitions at once
    for one, other in zip(whole, resampled_scores(counts, accuracy, repetitions=50), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(3, 10, 2), (2, 9, 2), (2, 10), (0, 10, 2), (2, 0, 2)])
def test_counts_that_do_not_belong_together_are_refused(shape):
    fits = np.ones((2, 10, 2))
    if shape == (3, 10, 2):
        paired_difference(fits, np.ones(shape), accuracy)
    else:
        with pytest.raises(ValueError, match="counts"):
            paired_difference(fits, np.ones(shape), accuracy)
