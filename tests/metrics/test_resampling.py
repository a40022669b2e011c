"""Summed counts of any examples, with repetition, give the metric of those examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.metrics.classification import classification_scores
from unfreeze.metrics.entities import entity_scores
from unfreeze.metrics.resampling import Accuracy, EntityF1, LabelF1

LABELS = ["O", "B-X", "I-X", "B-Y"]
METRICS = {
    "accuracy": Accuracy(),
    "macro_f1": LabelF1("macro"),
    "weighted_f1": LabelF1("weighted"),
    "entity_f1": EntityF1(),
}

Row = str | list[str]


def direct(metric: str, gold: list[Row], predicted: list[Row]) -> float:
    if metric == "entity_f1":
        return entity_scores(gold, predicted)[metric]
    return classification_scores(_flat(gold), _flat(predicted))[metric]


def _flat(rows: list[Row]) -> list[str]:
    return [word for row in rows for word in ([row] if isinstance(row, str) else row)]


@st.composite
def tagged(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=8))
    tags = st.sampled_from(LABELS)
    gold, predicted = ([draw(st.lists(tags, min_size=n, max_size=n)) for n in lengths] for _ in range(2))
    return gold, predicted


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    size = draw(st.integers(1, 12))
    labels = st.lists(st.sampled_from(LABELS), min_size=size, max_size=size)
    return draw(labels), draw(labels)


@pytest.mark.parametrize("metric", METRICS)
@settings(deadline=None, derandomize=True, max_examples=80)
@given(data=st.data())
def test_summed_counts_give_the_metric_of_any_resample(metric: str, data: st.DataObject) -> None:
    rows = tagged() if metric == "entity_f1" else st.one_of(tagged(), texts())
    gold, predicted = data.draw(rows)
    picks = data.draw(st.lists(st.integers(0, len(gold) - 1), min_size=1, max_size=10))
    counts = METRICS[metric].counts(gold, predicted)
    assert len(counts) == len(gold)
    for chosen in (range(len(gold)), picks):
        expected = direct(metric, [gold[i] for i in chosen], [predicted[i] for i in chosen])
        assert float(METRICS[metric].score(counts[list(chosen)].sum(0))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_many_resamples_are_scored_at_once(metric: str) -> None:
    rng = np.random.default_rng(0)
    gold, predicted = (rng.choice(LABELS, size=(30, 4)).tolist() for _ in range(2))
    picks = rng.integers(30, size=(2, 25, 30))
    scores = METRICS[metric].score(METRICS[metric].counts(gold, predicted)[picks].sum(2))
    assert scores.shape == (2, 25)
    chosen = picks[1, 7]
    expected = direct(metric, [gold[i] for i in chosen], [predicted[i] for i in chosen])
    assert scores[1, 7] == pytest.approx(expected)


def test_two_predictions_are_comparable_under_the_same_labels() -> None:
    gold, first, second = ["a", "b"], ["a", "c"], ["a", "b"]
    labels = ["a", "b", "c"]
    one, other = (METRICS["macro_f1"].counts(gold, predicted, labels) for predicted in (first, second))
    assert one.shape == other.shape == (2, 9)
    assert METRICS["macro_f1"].score(other.sum(0)) == 1.0  # c neither occurs nor is predicted
    assert METRICS["macro_f1"].score(one.sum(0)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rows", [[], [[], []]], ids=["no examples", "only empty sentences"])
def test_nothing_to_score_gives_zero(metric: str, rows: list[Row]) -> None:
    counts = METRICS[metric].counts(rows, rows)
    assert len(counts) == len(rows)
    assert METRICS[metric].score(counts.sum(0)) == 0.0
    assert METRICS[metric].score(counts).tolist() == [0.0] * len(rows)  # also no resample at all


@pytest.mark.parametrize("metric", METRICS)
def test_unequal_numbers_of_examples_are_refused(metric: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        METRICS[metric].counts([["O"], ["O"]], [["O"]])
