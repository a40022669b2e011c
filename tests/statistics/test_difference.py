"""Laws of the interval over examples and seeds."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.difference import all_differences, paired_difference


def accuracy(sums):
    return sums[..., 0] / sums[..., 1]


def draw(generator, quality, seeds, examples=300, spread=0.0, difficulty=None):
    """Counts (seeds, examples, 2) of models that are right with a probability of `quality` plus the seed's luck."""
    luck = generator.normal(0, spread, (seeds, 1)) if spread else np.zeros((seeds, 1))
    chance = generator.random((seeds, examples)) if difficulty is None else difficulty
    right = (chance < quality + luck).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1)


def constant(scores, examples=5):
    """Counts of seeds that have the same score on every example: only seeds vary."""
    return np.stack([np.stack([[score] * examples, [1] * examples], axis=-1) for score in scores])


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_a_strategy_against_itself(generator):
    one = draw(generator, 0.9, 1)
    found = paired_difference(one, one, accuracy)
    assert (found.difference, *found.interval(), found.p_value) == (0, 0, 0, 1)
    several = draw(generator, 0.9, 3, spread=0.02)
    found = paired_difference(several, several, accuracy)
    assert (found.difference, found.p_value) == (0, 1)
    assert found.interval()[0] < 0  # other seeds would not have been equal


def test_swapping_negates(generator):
    a, b = draw(generator, 0.9, 3, spread=0.02), draw(generator, 0.85, 2, spread=0.02)
    there, back = paired_difference(a, b, accuracy), paired_difference(b, a, accuracy)
    assert there.difference == -back.difference
    low, high = back.interval()
    assert there.interval() == pytest.approx((-high, -low), abs=1e-12)
    assert there.p_value == pytest.approx(back.p_value, rel=1e-9)


def test_equal_seed_gives_equal_results(generator):
    a, b = draw(generator, 0.9, 1), draw(generator, 0.8, 1)
    one, same, other = (paired_difference(a, b, accuracy, seed=seed).chance.by_examples for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_pairing_narrows(generator):
    """Two models that fail on the same examples are compared more sharply than two that fail independently."""
    difficulty = generator.random(300)

    def width(difficulty):
        sides = [draw(generator, quality, 1, difficulty=difficulty) for quality in (0.90, 0.85)]
        low, high = paired_difference(*sides, accuracy).interval()
        return high - low

    assert width(difficulty) < 0.7 * width(None)


def test_without_seeds_it_is_the_paired_standard_error(generator):
    a, b = draw(generator, 0.9, 1, examples=2000), draw(generator, 0.85, 1, examples=2000)
    low, high = paired_difference(a, b, accuracy, repetitions=4000).interval()
    error = float((a[0, :, 0] - b[0, :, 0]).std(ddof=1) / np.sqrt(2000))
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.06)


@pytest.mark.parametrize("repetitions", [2000, 4999])
@pytest.mark.parametrize("seeds", [1, 3])
def test_interval_and_p_value_agree(seeds, repetitions):
    """The interval excludes 0 at exactly those confidences at which the p-value is small enough."""
    for trial in range(20):
        generator = np.random.default_rng(trial)
        a, b = draw(generator, 0.9, seeds, spread=0.01), draw(generator, 0.86, seeds, spread=0.01)
        found = paired_difference(a, b, accuracy, repetitions=repetitions)
        for confidence in (0.8, 0.95, 0.99):
            low, high = found.interval(confidence)
            assert (low > 1e-9 or high < -1e-9) == (found.p_value < 1 - confidence)


def test_the_sign_test_is_not_undercut():
    """Where two models differ on few examples, all one way, counting draws beyond 0 would find far too much."""
    from scipy import stats

    examples = 400
    for differing in (6, 8, 12):
        a, b = np.ones((1, examples, 2)), np.ones((1, examples, 2))
        b[0, :differing, 0] = 0
        found = paired_difference(a, b, accuracy, repetitions=20_000)
        exact = stats.binomtest(0, differing).pvalue
        assert found.p_value > 0.4 * exact
        beyond_zero = 2 * (1 - differing / examples) ** examples  # no differing example is drawn
        assert found.p_value > 3 * beyond_zero


def test_seeds_alone_give_students_interval():
    from scipy import stats

    groups = [[0.90, 0.92, 0.91], [0.88, 0.85, 0.865], [0.80, 0.81, 0.82]]
    counts = [constant(some) for some in groups]
    scores = [accuracy(one.sum(axis=1)) for one in counts]
    found = all_differences(scores, [np.tile(one, (20_000, 1)) for one in scores], [(0, 1)])[0]
    error = np.sqrt(found.parts.total)
    assert found.chance.half_width(0.95) == pytest.approx(stats.t.ppf(0.975, found.parts.freedom) * error, rel=2e-3)
    pvalue = 2 * stats.t.sf(found.difference / error, found.parts.freedom)
    assert found.p_value == pytest.approx((1 + 20_000 * pvalue) / 20_001, rel=2e-3)


def test_the_examples_chance_is_not_counted_twice(generator):
    """Seeds that differ by their luck with the examples only: the variance is that luck's, not twice it."""
    sides = [draw(generator, 0.8, 40, examples=400) for _ in range(2)]
    parts = paired_difference(*sides, accuracy).parts
    luck = 2 * 0.8 * 0.2 / 400 / 40
    assert parts.total == pytest.approx(luck, rel=0.5)
    assert parts.shared == pytest.approx(luck, rel=0.1)


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.0), (3, 0.02), (5, 0.01)])
def test_the_interval_covers_the_truth(seeds, spread):
    """95 % intervals hold the true difference in at least 91 % of 200 experiments (chance alone: 0.95 - 2.6 sd)."""
    covered = 0
    for trial in range(200):
        generator = np.random.default_rng((trial, seeds))
        a, b = (draw(generator, quality, seeds, examples=150, spread=spread) for quality in (0.85, 0.80))
        low, high = paired_difference(a, b, accuracy, repetitions=300, seed=trial).interval()
        covered += low <= 0.05 <= high
    assert covered >= 182


def test_small_seed_errors_lead_to_the_bootstrap_alone(generator):
    """With ever less spread between seeds the tail goes over into the share of draws, bins or no bins."""
    from unfreeze.statistics.chance import Chance, Tail

    errors, table = generator.normal(size=4000), Tail.of(8.0)
    bare = Chance(errors, 0.0, None)
    for distance in (0.5, 1.5, 2.5):
        for seed_error in (1e-2, 1e-4, 1e-9):
            assert Chance(errors, seed_error, table).tail(distance) == pytest.approx(bare.tail(distance), rel=0.05)


def test_tail_is_the_sum_of_both_chances(generator):
    """Against simulation: the error of the bootstrap plus an independent t."""
    from unfreeze.statistics.chance import Chance, Tail

    errors = generator.normal(size=4000)
    drawn = generator.choice([-1, 1], 400_000) * generator.choice(errors, 400_000)
    drawn = np.abs(drawn + 0.7 * generator.standard_t(6, 400_000))
    chance = Chance(errors, 0.7, Tail.of(6.0))
    for distance in (0.5, 2.0, 4.0):
        # One is added above and below, as a share of draws must not be 0.
        expected = (1 + 4000 * (drawn >= distance).mean()) / 4001
        assert chance.tail(distance) == pytest.approx(expected, rel=0.05)
