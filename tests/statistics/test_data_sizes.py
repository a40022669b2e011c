"""What the last doubling of the training data brought."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.data_sizes import data_sizes


def test_a_clear_gain():
    found = data_sizes("full", {2000: [0.80, 0.801, 0.799], 4000: [0.85, 0.851, 0.849], 1000: [0.7, 0.71, 0.72]})
    assert [point.train_examples for point in found.points] == [1000, 2000, 4000]
    assert found.gain == pytest.approx(0.05)
    assert 0 < found.gain_low < 0.05 < found.gain_high
    assert "More labelled examples are likely to help" in found.sentence


def test_the_interval_is_welchs():
    from scipy import stats

    before, last = [0.80, 0.83, 0.81], [0.85, 0.84, 0.86, 0.80]
    found = data_sizes("full", {500: before, 1000: last})
    low, high = stats.ttest_ind(last, before, equal_var=False).confidence_interval(0.95)
    assert (found.gain_low, found.gain_high) == pytest.approx((low, high))


def test_noise_above_the_gain_says_nothing_about_labelling():
    found = data_sizes("full", {1000: [0.80, 0.85, 0.75], 2000: [0.81, 0.86, 0.76]})
    assert "does not tell whether to label more" in found.sentence
    assert "likely" not in found.sentence


def test_a_fall_is_not_advertised_as_a_gain():
    found = data_sizes("full", {1000: [0.90, 0.901], 2000: [0.80, 0.801]})
    assert "fell" in found.sentence


def test_several_doublings_are_divided_by():
    found = data_sizes("full", {1000: [0.8, 0.801], 8000: [0.86, 0.861]})
    assert found.gain == pytest.approx(0.02)
    assert "each doubling" in found.sentence
    half = data_sizes("full", {1000: [0.8, 0.801], 2000: [0.86, 0.861]})
    assert found.gain_high - found.gain_low == pytest.approx((half.gain_high - half.gain_low) / 3)


def test_one_seed_has_no_uncertainty_to_show():
    found = data_sizes("full", {1000: [0.8], 2000: [0.9, 0.91]})
    assert (found.gain_low, found.gain_high) == (None, None)
    assert "unknown" in found.sentence
    assert found.points[0].low is None


@pytest.mark.parametrize("scores", [{}, {1000: [0.8]}, {1000: [0.8], 2000: []}])
def test_one_size_has_no_gain(scores):
    assert data_sizes("full", scores).gain is None


def test_coverage():
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        found = data_sizes("full", {1: list(generator.normal(0.8, 0.02, 3)), 4: list(generator.normal(0.84, 0.01, 3))})
        inside += found.gain_low <= 0.02 <= found.gain_high
    assert inside >= 0.92 * 400
