"""What strategies lend each other about the spread between seeds, and what they must not."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.seed_spread import seed_spread

CALM, USUAL, WILD = np.array([0.900, 0.901, 0.902]), np.array([0.89, 0.90, 0.91]), np.array([0.6, 0.8, 0.95])


def still(scores):
    """Resampled scores that do not move: examples explain nothing."""
    return [np.tile(one, (20, 1)) for one in scores]


def test_never_less_than_its_own():
    scores = [CALM, USUAL, WILD]
    for one, variance in zip(scores, seed_spread(scores, still(scores)).variances, strict=True):
        assert variance >= one.var(ddof=1)


def test_a_calm_one_is_lifted_to_the_typical():
    scores = [CALM, USUAL, USUAL, USUAL]
    variances = seed_spread(scores, still(scores)).variances
    assert 0.5 * variances[1] < variances[0] <= variances[1]
    assert variances[0] > 10 * CALM.var(ddof=1)


def test_a_wild_one_spoils_nobody():
    """Its variance counts for itself; the others keep the typical one, however wild it is."""
    tame = [CALM, USUAL, USUAL, USUAL, USUAL]
    with_wild = seed_spread([*tame, WILD], still([*tame, WILD]))
    assert with_wild.variances[:-1] == pytest.approx(seed_spread(tame, still(tame)).variances)
    assert with_wild.variances[-1] == pytest.approx(WILD.var(ddof=1))


def test_never_less_than_what_the_examples_explain():
    generator = np.random.default_rng(0)
    scores = [CALM, CALM]
    resampled = [one + generator.normal(0, 0.02, (2000, 3)) for one in scores]
    found = seed_spread(scores, resampled)
    assert found.shared == pytest.approx((0.0004, 0.0004), rel=0.1)
    assert found.variances == found.shared


def test_what_all_seeds_share_is_not_between_them():
    scores = [USUAL, USUAL]
    resampled = [one + np.random.default_rng(1).normal(0, 0.02, (200, 1)) for one in scores]
    assert seed_spread(scores, resampled).shared == pytest.approx((0, 0), abs=1e-12)


def test_one_seed_is_unknown_and_lends_nothing():
    scores = [USUAL, np.array([0.5]), USUAL]
    found = seed_spread(scores, still(scores))
    assert found.variances[1] is None
    assert found.shared[1] is None
    assert found.variances[0] == seed_spread([USUAL, USUAL], still([USUAL, USUAL])).variances[0]
    alone = [np.array([0.5]), np.array([0.6])]
    assert seed_spread(alone, still(alone)).variances == (None, None)


@pytest.mark.parametrize("strategies", [2, 4, 8])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_freedom_lies_between_one_strategys_and_everybodys(strategies, seeds):
    generator = np.random.default_rng(seeds)
    for spreads in (np.ones(strategies), np.geomspace(0.1, 10, strategies)):
        scores = [generator.normal(0.9, 0.01 * spread, seeds) for spread in spreads]
        found = seed_spread(scores, still(scores)).freedom
        assert all(seeds - 1 <= one <= strategies * (seeds - 1) for one in found)


def test_freedom_falls_where_one_variance_outweighs_the_rest():
    equal, unequal = [USUAL] * 8, [CALM] * 7 + [WILD]
    assert seed_spread(equal, still(equal)).freedom == pytest.approx([16] * 8)
    assert seed_spread(unequal, still(unequal)).freedom == pytest.approx([2] * 8, abs=0.01)


def test_a_wild_strategy_knows_only_what_its_own_seeds_tell():
    several = [CALM] * 5 + [WILD] * 3
    found = seed_spread(several, still(several)).freedom
    assert found[:5] == pytest.approx([found[0]] * 5) and found[0] > 4
    assert found[5:] == (2, 2, 2)


def test_the_variance_is_right_on_average():
    """With equal true variances the rule errs upwards, by less than a factor of two."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(400):
        scores = list(generator.normal(0.9, 0.01, (8, 3)))
        found.append(np.mean(seed_spread(scores, still(scores)).variances))
    assert 1 < np.mean(found) / 0.0001 < 2


def test_runs_without_any_spread():
    scores = [np.array([0.9, 0.9]), np.array([0.8, 0.8])]
    found = seed_spread(scores, still(scores))
    assert found.variances == (0, 0)
    assert found.freedom == (2, 2)
