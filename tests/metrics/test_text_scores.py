"""Scores of several labels equal scikit-learn's, those of numbers SciPy's, and sums give any resample's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
)
from sklearn.preprocessing import MultiLabelBinarizer

from unfreeze.metrics.multi_label import SubsetAccuracy, multi_label_scores, multi_label_scores_by_label
from unfreeze.metrics.regression import R2, Pearson, regression_scores
from unfreeze.metrics.resampling import LabelF1

ROWS = st.lists(st.lists(st.sampled_from("abcd"), max_size=4, unique=True), min_size=1, max_size=10)
NUMBERS = st.lists(st.floats(-100, 100).map(lambda x: round(x, 2)), min_size=3, max_size=12)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(ROWS, st.data())
def test_several_labels_equal_scikit_learn(gold: list[list[str]], data: st.DataObject) -> None:
    predicted = data.draw(
        st.lists(st.lists(st.sampled_from("abcd"), max_size=4, unique=True), min_size=len(gold), max_size=len(gold))
    )
    scores, by_label = multi_label_scores(gold, predicted), multi_label_scores_by_label(gold, predicted)
    labels = sorted({label for row in (*gold, *predicted) for label in row})
    if labels:
        matrix = MultiLabelBinarizer(classes=list("abcd"))
        chosen = ["abcd".index(label) for label in labels]
        g, p = matrix.fit_transform(gold), matrix.fit_transform(predicted)
        for average in ("micro", "macro", "weighted"):
            expected = precision_recall_fscore_support(g, p, labels=chosen, average=average, zero_division=0)
            found = [scores[f"{average}_{name}"] for name in ("precision", "recall", "f1")]
            assert found == pytest.approx(list(expected[:3]))
        assert scores["subset_accuracy"] == pytest.approx(accuracy_score(g, p))
        each = precision_recall_fscore_support(g, p, labels=chosen, average=None, zero_division=0)
        assert [by_label[label]["f1"] for label in labels] == pytest.approx(list(each[2]))
    picks = data.draw(st.lists(st.integers(0, len(gold) - 1), min_size=1, max_size=10))
    metrics = {f"{a}_f1": LabelF1(a, several=True) for a in ("micro", "macro", "weighted")}  # type: ignore[arg-type]
    for name, metric in {**metrics, "subset_accuracy": SubsetAccuracy()}.items():
        totals = metric.counts(gold, predicted)[picks].sum(0)
        again = multi_label_scores([gold[i] for i in picks], [predicted[i] for i in picks])
        assert float(metric.score(totals)) == pytest.approx(again[name])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(NUMBERS, st.data())
def test_numbers_equal_scipy_and_scikit_learn(gold: list[float], data: st.DataObject) -> None:
    predicted = data.draw(
        st.lists(st.floats(-100, 100).map(lambda x: round(x, 2)), min_size=len(gold), max_size=len(gold))
    )
    scores = regression_scores(gold, predicted)
    assert scores["mse"] == pytest.approx(mean_squared_error(gold, predicted))
    assert scores["mae"] == pytest.approx(mean_absolute_error(gold, predicted))
    if np.std(gold) > 0 and np.std(predicted) > 0:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nearly constant
            assert scores["pearson"] == pytest.approx(pearsonr(gold, predicted).statistic, abs=1e-6)
            assert scores["spearman"] == pytest.approx(spearmanr(gold, predicted).statistic, abs=1e-6)
        assert scores["r2"] == pytest.approx(r2_score(gold, predicted), rel=1e-6)
    picks = data.draw(st.lists(st.integers(0, len(gold) - 1), min_size=1, max_size=10))
    for name, metric in {"pearson": Pearson(), "r2": R2()}.items():
        totals = metric.counts(gold, predicted)[picks].sum(0)
        again = regression_scores([gold[i] for i in picks], [predicted[i] for i in picks])
        assert float(metric.score(totals)) == pytest.approx(again[name], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("gold", "predicted"), [([], []), ([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0, 3.0])])
def test_a_constant_side_correlates_with_nothing(gold: list[float], predicted: list[float]) -> None:
    scores = regression_scores(gold, predicted)
    assert scores["pearson"] == scores["spearman"] == 0.0
    assert np.isfinite(list(scores.values())).all()
