"""Resampled examples."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.bootstrap import example_weights, resampled_scores


def accuracy(sums):
    return sums[..., 0] / sums[..., 1]


def counts(seeds, examples=300, quality=0.8):
    generator = np.random.default_rng(seeds)
    right = (generator.random((seeds, examples)) < quality).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1)


def test_chunks_change_nothing(monkeypatch):
    sides = [counts(2), counts(3)]
    whole = resampled_scores(sides, accuracy, repetitions=50)
    monkeypatch.setattr("unfreeze.statistics.bootstrap._CHUNK_NUMBERS", 2100)  # seven repetitions at once
    for one, other in zip(whole, resampled_scores(sides, accuracy, repetitions=50), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_drawn_before_change_nothing():
    sides = [counts(2), counts(3)]
    weights = example_weights(300, 50, seed=7)
    np.testing.assert_array_equal(weights.sum(axis=1), 300)
    for one, other in zip(
        resampled_scores(sides, accuracy, repetitions=50, seed=7),
        resampled_scores(sides, accuracy, weights=weights),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_counts_that_are_not_whole_are_summed_in_full_precision():
    fractions = counts(1) / 3
    whole, third = (resampled_scores([one], accuracy, repetitions=20)[0] for one in (counts(1), fractions))
    np.testing.assert_allclose(third, whole, rtol=1e-12)


def test_counts_too_large_for_short_floats_are_summed_in_full_precision():
    large = counts(1) * (2.0**23 + 1)
    whole, scaled = (resampled_scores([one], accuracy, repetitions=20)[0] for one in (counts(1), large))
    np.testing.assert_allclose(scaled, whole, rtol=1e-12)


def test_the_same_examples_are_drawn_for_all():
    one = counts(1)
    a, b = resampled_scores([one, one[:, :, ::1]], accuracy, repetitions=30)
    np.testing.assert_array_equal(a, b)
    assert a.std() > 0


@pytest.mark.parametrize("shape", [(2, 9, 2), (2, 10), (0, 10, 2), (2, 0, 2)])
def test_counts_that_do_not_belong_together_are_refused(shape):
    with pytest.raises(ValueError, match="counts"):
        resampled_scores([np.ones((2, 10, 2)), np.ones(shape)], accuracy)


def test_the_number_of_seeds_may_differ():
    a, b = resampled_scores([np.ones((2, 10, 2)), np.ones((3, 10, 2))], accuracy, repetitions=4)
    assert (a.shape, b.shape) == ((4, 2), (4, 3))


def test_weights_for_other_examples_are_refused():
    with pytest.raises(ValueError, match="9 examples"):
        resampled_scores([counts(1)], accuracy, weights=example_weights(9, 5))
