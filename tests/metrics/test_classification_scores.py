"""Scores of labels equal scikit-learn's."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, matthews_corrcoef, precision_recall_fscore_support

from unfreeze.metrics.classification import classification_scores, counts_by_label, scores_by_label

Pairs = list[tuple[str, str]]

LABELS = st.sampled_from(["a", "b", "c", "", "O", "a b", "ü"])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=25)
ONLY_ONE_LABEL: Pairs = [("a", "a")] * 3
NEVER_RIGHT: Pairs = [("a", "b"), ("b", "a")]
NEVER_PREDICTED: Pairs = [("a", "a"), ("b", "a"), ("a", "a")]  # precision of b is 0 / 0
NEVER_GOLD: Pairs = [("a", "a"), ("a", "b")]  # recall of b is 0 / 0


@settings(deadline=None, derandomize=True, max_examples=80)
@given(PAIRS)
@example(ONLY_ONE_LABEL)
@example(NEVER_RIGHT)
@example(NEVER_PREDICTED)
@example(NEVER_GOLD)
def test_scores_equal_scikit_learn(pairs: Pairs) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    expected = {"accuracy": accuracy_score(gold, predicted), "mcc": _matthews(gold, predicted)}
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            expected[f"{average}_{name}"] = value
    assert classification_scores(gold, predicted) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(PAIRS)
@example(NEVER_PREDICTED)
@example(NEVER_GOLD)
def test_scores_by_label_equal_scikit_learn(pairs: Pairs) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    labels = sorted({*gold, *predicted})
    rows = zip(*precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0), strict=True)
    ours = scores_by_label(gold, predicted)
    assert list(ours) == labels
    for label, (precision, recall, f1, support) in zip(labels, rows, strict=True):
        assert ours[label] == pytest.approx(
            {"precision": precision, "recall": recall, "f1": f1, "support": support}, abs=1e-12
        )


def test_nothing_to_score_gives_zeros() -> None:
    assert set(classification_scores([], []).values()) == {0.0}
    assert scores_by_label([], []) == {}


@pytest.mark.parametrize("score", [classification_scores, scores_by_label, counts_by_label])
def test_unequal_lengths_are_refused(score: object) -> None:
    assert callable(score)
    with pytest.raises(ValueError, match="zip"):
        score(["a", "b"], ["a"])


def test_matthews_stays_exact_where_64_bit_integers_overflow() -> None:
    # The product under the root is about 1e22 here: numpy's int64 would wrap around, as scikit-learn's once did.
    gold, predicted = ["a", "b"] * 100_000, ["a", "b", "b", "a", "a", "b", "a", "b"] * 25_000
    assert classification_scores(gold, predicted)["mcc"] == pytest.approx(0.5)


def _matthews(gold: list[str], predicted: list[str]) -> float:
    if len({*gold, *predicted}) == 1:
        return 0.0  # scikit-learn says the same, with a warning about a 1 x 1 confusion matrix
    return float(matthews_corrcoef(gold, predicted))
