"""Student's t against scipy, which the program itself does without."""

from __future__ import annotations

import numpy as np
import pytest

from unfreeze.statistics.student import mean_interval, student_quantile


@pytest.mark.parametrize("freedom", [*range(1, 40), 60, 200, 1000])
def test_quantiles(freedom):
    from scipy import stats

    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-4)


def test_quantiles_fall():
    quantiles = [student_quantile(freedom) for freedom in range(1, 200)]
    assert quantiles == sorted(quantiles, reverse=True)


def test_no_freedom_is_refused():
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_quantile(0)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, float("nan")]])
def test_no_interval_without_spread(values):
    assert mean_interval(values) is None


def test_coverage():
    generator = np.random.default_rng(0)
    found = [mean_interval(list(generator.normal(0.9, 0.01, 3))) for _ in range(2000)]
    assert np.mean([low <= 0.9 <= high for _, low, high in found]) == pytest.approx(0.95, abs=0.015)
