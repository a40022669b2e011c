"""Entity scores equal seqeval's, in its default mode and in its strict IOB2 mode."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_precision_recall_fscore_support
from seqeval.scheme import IOB2, Entities

from unfreeze.metrics.entities import (
    entities,
    entity_scores,
    scores_by_entity_type,
    sentence_counts,
    strict_entities,
)

Sentences = list[list[str]]
Pair = tuple[Sentences, Sentences]

# Hyphens inside, before and behind the type, types that contain one another, the type missing altogether.
TYPES = ["PER", "P", "B", "I", "O", "MISC-NP", "X-I", "-X", "X-", "_", ""]
TAGS = st.sampled_from(["O", *(f"{prefix}-{kind}" for kind in TYPES for prefix in "BI")])
FEW_TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])  # few, so that both sides agree at times


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Gold and predicted tags of some sentences, empty ones among them."""
    tags = draw(st.sampled_from([TAGS, FEW_TAGS]))
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=5))
    gold = [draw(st.lists(tags, min_size=n, max_size=n)) for n in lengths]
    if draw(st.booleans()):
        return gold, [draw(st.lists(tags, min_size=n, max_size=n)) for n in lengths]
    # A prediction that is mostly right.
    return gold, [[draw(tags) if draw(st.integers(0, 4)) == 0 else tag for tag in row] for row in gold]


LONE_INSIDE: Pair = ([["I-PER", "O", "I-LOC"]], [["B-PER", "O", "B-LOC"]])
TYPE_CHANGES: Pair = ([["B-PER", "I-LOC", "I-LOC"]], [["B-PER", "B-LOC", "I-LOC"]])
B_AFTER_B: Pair = ([["B-PER", "B-PER", "I-PER"]], [["B-PER", "I-PER", "I-PER"]])
EMPTY_SENTENCES: Pair = ([[], ["B-PER"], []], [[], ["B-PER"], []])
ENTITY_AT_THE_BORDER: Pair = ([["O", "B-PER"], ["I-PER"]], [["O", "B-PER"], ["I-PER"]])
HYPHENS: Pair = ([["B-MISC-NP", "I-MISC-NP", "B-X-", "I-X-"]], [["B-MISC-NP", "I-MISC", "B-X", "I-X-"]])
ONLY_OUTSIDE: Pair = ([["O", "O"], ["O"]], [["O", "O"], ["O"]])
NOTHING_PREDICTED: Pair = ([["B-PER", "O"]], [["O", "O"]])
NOTHING_GOLD: Pair = ([["O", "O"]], [["B-PER", "I-PER"]])
ADVERSARIAL = [
    LONE_INSIDE,
    TYPE_CHANGES,
    B_AFTER_B,
    EMPTY_SENTENCES,
    ENTITY_AT_THE_BORDER,
    HYPHENS,
    ONLY_OUTSIDE,
    NOTHING_PREDICTED,
    NOTHING_GOLD,
]


def _assert_scores_equal_seqeval(pair: Pair) -> None:
    gold, predicted = pair
    default = precision_recall_fscore_support(gold, predicted, average="micro", zero_division=0)
    strict = strict_precision_recall_fscore_support(gold, predicted, average="micro", scheme=IOB2, zero_division=0)
    expected = {}
    for name, values in (("entity", default), ("strict_entity", strict)):
        for part, value in zip(("precision", "recall", "f1"), values, strict=False):
            expected[f"{name}_{part}"] = float(value)
    assert entity_scores(gold, predicted) == pytest.approx(expected, abs=1e-12)


def _assert_types_equal_seqeval(pair: Pair) -> None:
    gold, predicted = pair
    ours = scores_by_entity_type(gold, predicted)
    assert list(ours) == sorted({kind for rows in pair for row in rows for kind, _, _ in get_entities(row)})
    values = precision_recall_fscore_support(gold, predicted, average=None, zero_division=0)
    rows = zip(*values, strict=True)
    for scores, (precision, recall, f1, support) in zip(ours.values(), rows, strict=True):
        expected = {"precision": precision, "recall": recall, "f1": f1, "support": support}
        assert scores == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("pair", ADVERSARIAL)
def test_adversarial_sentences_score_as_in_seqeval(pair: Pair) -> None:
    _assert_scores_equal_seqeval(pair)
    _assert_types_equal_seqeval(pair)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(pairs())
def test_scores_equal_seqeval(pair: Pair) -> None:
    _assert_scores_equal_seqeval(pair)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(pairs())
def test_scores_by_type_equal_seqeval(pair: Pair) -> None:
    _assert_types_equal_seqeval(pair)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(TAGS, max_size=12))
@example(["B", "I", "I", "O", "I", "B"])  # tags without any type
def test_entities_are_those_seqeval_finds(tags: list[str]) -> None:
    assert entities(tags) == get_entities(tags)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(TAGS, max_size=12))
@example(["B", "I", "I", "O", "I", "B"])
def test_strict_entities_are_those_seqeval_finds(tags: list[str]) -> None:
    theirs = Entities([tags], IOB2).entities[0]
    assert strict_entities(tags) == [(entity.tag, entity.start, entity.end - 1) for entity in theirs]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(pairs())
def test_sums_of_sentence_counts_give_the_score_of_all(pair: Pair) -> None:
    counts = [sentence_counts(g, p) for g, p in zip(*pair, strict=True)]
    right, proposed, golden = (sum(getattr(c, n) for c in counts) for n in ("true_positives", "predicted", "gold"))
    scores = entity_scores(*pair)
    assert scores["entity_precision"] == pytest.approx(right / proposed if proposed else 0.0)
    assert scores["entity_recall"] == pytest.approx(right / golden if golden else 0.0)


def test_the_two_modes_differ_on_a_lone_inside_tag() -> None:
    scores = entity_scores(*LONE_INSIDE)
    assert (scores["entity_f1"], scores["strict_entity_f1"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([["O"], ["O", "O"]], [["O"], ["O"]], "sentence 1 has 2 gold tags and 1 predicted"),
        ([["O"]], [["O"], ["O"]], "zip"),
    ],
)
def test_unequal_lengths_are_refused(gold: Sentences, predicted: Sentences, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entity_scores(gold, predicted)
