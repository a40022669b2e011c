"""How much more would decide: laws, and the promised power in simulation."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.chance import Chance, Tail
from unfreeze.statistics.difference import Parts
from unfreeze.statistics.needed import examples_needed, seeds_needed

LEVELS = {"margin": 0.01, "alpha": 0.05 / 6, "tie_alpha": 0.05 / 4}


def parts(examples=1e-5, shared=1e-5, seeds=2e-5, freedom=8.0):
    return Parts(examples, shared, seeds, freedom)


def test_a_larger_difference_needs_less():
    needed = [seeds_needed(difference, parts(), 3, 2000, **LEVELS) for difference in (0.02, 0.016, 0.014, 0.013)]
    assert None not in needed
    assert needed == sorted(needed)
    assert needed[0] < needed[-1]


def test_no_difference_can_become_a_tie():
    assert seeds_needed(0.0, parts(examples=1e-6), 3, 2000, **LEVELS) > 3
    assert seeds_needed(0.0, parts(examples=1e-6), 3, 2000, margin=0.0, alpha=0.01, tie_alpha=0.01) is None


def test_seeds_cannot_help_where_the_examples_leave_the_doubt():
    small_test_set = parts(examples=1e-4, shared=0.0, seeds=1e-6)
    assert seeds_needed(0.02, small_test_set, 3, 500, **LEVELS) is None
    assert examples_needed(0.02, small_test_set, 500, **LEVELS) > 500


def test_examples_cannot_help_where_the_seeds_leave_the_doubt():
    wild_seeds = parts(examples=1e-6, shared=0.0, seeds=1e-4)
    assert examples_needed(0.02, wild_seeds, 500, **LEVELS) is None
    assert seeds_needed(0.02, wild_seeds, 3, 500, **LEVELS) > 3


def test_a_difference_of_just_the_margin_is_found_by_its_distance_from_zero_only():
    assert seeds_needed(0.01, parts(examples=0.0), 3, 2000, **LEVELS) is not None
    assert seeds_needed(0.01, parts(examples=1e-4), 3, 2000, **LEVELS) is None


def tails(difference, examples_variance, one_run, count, distance):
    """The tails at `distance(difference seen)` in 400 comparisons with `count` seeds of each of five strategies."""
    generator, freedom = np.random.default_rng(1), 4 * (count - 1)  # as of the parts above
    table, found = Tail.of(freedom), []
    for _ in range(400):
        seen = difference + generator.normal(0, np.sqrt(examples_variance + one_run / count))
        measured = one_run / count * generator.chisquare(freedom) / freedom
        errors = np.sqrt(examples_variance) * generator.normal(size=1000)
        found.append(Chance(errors, float(np.sqrt(measured)), table).tail(distance(seen)))
    return np.array(found)


@pytest.mark.parametrize("difference", [0.009, 0.012])
def test_the_number_of_seeds_has_the_power_promised(difference):
    now, examples_variance, one_run = 3, 4e-6, 3e-5  # variance of a difference of two single runs, seeds only
    before = Parts(examples_variance, 0.0, one_run / now, 4 * (now - 1))
    count = seeds_needed(difference, before, now, 2000, margin=1e-6, alpha=0.01, tie_alpha=0.01)
    assert count > now + 1  # else it may have had the power already
    assert 0.65 < (tails(difference, examples_variance, one_run, count, abs) < 0.01).mean() < 0.95


@pytest.mark.parametrize("difference", [0.0, 0.003])
def test_the_number_of_seeds_has_the_power_promised_for_a_tie(difference):
    """Both sides of the margin can spoil a tie: near 0 the formula for one side promises too much."""
    now, examples_variance, one_run, margin = 3, 2e-6, 6e-5, 0.01
    before = Parts(examples_variance, 0.0, one_run / now, 4 * (now - 1))
    count = seeds_needed(difference, before, now, 2000, margin=margin, alpha=1e-9, tie_alpha=0.05)
    assert count > now + 1
    found = tails(difference, examples_variance, one_run, count, lambda seen: margin - abs(seen))
    assert 0.7 < (found < 0.05).mean() < 0.95


def test_few_examples_never_tie():
    equal = parts(examples=0.0, shared=0.0, seeds=1e-9)
    assert seeds_needed(0.0, equal, 3, 499, **LEVELS) is None
    assert examples_needed(0.0, equal, 100, **LEVELS) == 500  # five of them are worth the margin
