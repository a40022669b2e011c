"""Exact match and F1 by the definition, and the threshold against all thresholds there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import squad

from unfreeze.metrics.answers import answer_scores, best_threshold, mean_scores, normalized


@pytest.mark.parametrize(
    ("gold", "said", "unanswerable", "expected"),
    [
        (["the cat."], "A Cat", False, (1.0, 1.0)),
        (["the cat sat"], "cat", False, (0.0, 2 / 3)),
        (["cat", "a dog ran"], "dog ran", False, (1.0, 1.0)),
        (["cat cat dog"], "cat", False, (0.0, 0.5)),
        (["the"], "the", False, (1.0, 0.0)),  # as script 1.1: no word is left to share
        (["the"], "", True, (1.0, 1.0)),  # as script 2.0: such a reference is none
        ([], "", True, (1.0, 1.0)),
        ([], "cat", True, (0.0, 0.0)),
        (["cat"], "", True, (0.0, 0.0)),
        (["cat"], "the", True, (0.0, 0.0)),
        (["10–20 km"], "10–20 km", False, (1.0, 1.0)),
    ],
)
def test_scores(gold: list[str], said: str, unanswerable: bool, expected: tuple[float, float]) -> None:
    assert answer_scores(gold, said, unanswerable=unanswerable) == pytest.approx(expected)


WORDS = st.sampled_from(["the", "A", "an", "cat", "Dog.", "10–20", "U.S.", "it's", "résumé", "😀", "!!", "in"])
# Of texts of which normalising leaves nothing the other program thinks as script 2.0 does.
TEXTS = st.lists(WORDS, max_size=5).map(" ".join).filter(lambda text: normalized(text) != "")


@given(st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), TEXTS), min_size=1, max_size=8))
def test_as_another_program_scores(questions: list[tuple[list[str], str]]) -> None:
    said = [{"id": str(i), "prediction_text": text} for i, (_, text) in enumerate(questions)]
    known = [
        {"id": str(i), "answers": {"text": texts, "answer_start": [0] * len(texts)}}
        for i, (texts, _) in enumerate(questions)
    ]
    theirs = {name: float(value) / 100 for name, value in squad(said, known).items()}
    assert mean_scores([answer_scores(gold, one) for gold, one in questions]) == pytest.approx(theirs, abs=1e-6)


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing_and_equal_texts_match(text: str) -> None:
    once = normalized(text)
    assert answer_scores([text], text)[0] == 1.0
    assert " ".join(once.split()) == once and not {"a", "an", "the"} & set(once.split(" "))


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.4, 1.0]), st.integers(-3, 3), st.booleans()), max_size=12))
def test_no_threshold_is_better(rows: list[tuple[float, int, bool]]) -> None:
    scores = [0.0 if none else score for score, _, none in rows]
    values = [float(value) for _, value, _ in rows]
    nones = [none for *_, none in rows]

    def mean(threshold: float) -> float:
        rows = zip(scores, values, nones, strict=True)
        return sum(float(none) if value > threshold else score for score, value, none in rows) / max(1, len(scores))

    threshold, best = best_threshold(scores, values, nones)
    assert best == pytest.approx(mean(threshold))
    assert best == pytest.approx(max(mean(one) for one in [float("-inf"), *values]))
