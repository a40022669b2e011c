"""Models that learnt nothing are told from models that are merely bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.statistics.degenerate import degeneracy, majority_baseline, same_number

GOLD = ["joy"] * 60 + ["anger"] * 40
SENTENCES = [["B-PER", "I-PER", "O"], ["O", "O"], ["B-LOC", "O"]]


def accuracy(gold, predicted):
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def test_one_answer_to_everything():
    assert degeneracy(GOLD, ["joy"] * 100) == "predicts joy for every text"
    assert degeneracy(GOLD, ["fear"] * 100) == "predicts fear for every text"
    assert degeneracy([["DET", "NOUN"]] * 3, [["NOUN", "NOUN"]] * 3, "word") == "predicts NOUN for every word"


def test_numbers_that_hardly_differ():
    gold = [1.0, 5.0, 2.5, 4.0]
    assert same_number(gold, [3.0, 3.001, 2.999, 3.0]) == "predicts about 3 for every text"
    assert same_number(gold, [2.9, 3.1, 3.0, 3.0]) is None
    assert same_number([2.0] * 4, [2.0] * 4) is None  # constant, and right
    assert same_number([], []) is None


def test_no_entity_found():
    empty = [["O"] * len(row) for row in SENTENCES]
    assert degeneracy(SENTENCES, empty) == "finds no entity at all"
    assert degeneracy(empty, empty) is None  # there was none to find
    one = [["O", "O", "O"], ["O", "O"], ["B-LOC", "O"]]
    assert degeneracy(SENTENCES, one) is None


def test_a_tag_o_in_a_task_without_entities_is_a_label_like_others():
    assert degeneracy([["O", "X"], ["X", "X"]], [["O", "O"], ["O", "O"]], "word") == "predicts O for every word"


def test_nearly_always_the_same_and_no_better_than_that():
    rarely = ["joy"] * 1000
    gold = GOLD * 10
    wrong = rarely.copy()
    wrong[0] = "anger"  # it is joy
    found = degeneracy(gold, wrong)
    assert "joy for 999 of 1000 texts" in found
    right = rarely.copy()
    right[99] = "anger"  # it is: something was learnt
    assert degeneracy(gold, right) is None


def test_a_bad_model_is_not_degenerate():
    assert degeneracy(GOLD, ["anger"] * 60 + ["joy"] * 40) is None


def test_gold_labels_that_are_all_the_same_tell_nothing():
    assert degeneracy(["joy"] * 5, ["joy"] * 5) is None
    assert degeneracy([], []) is None


@given(st.lists(st.sampled_from("abc"), min_size=2))
def test_perfect_predictions_are_never_degenerate(gold):
    assert degeneracy(gold, gold) is None


def test_the_baseline_answers_what_training_has_most_of():
    found = majority_baseline(["anger", "anger", "joy"], GOLD, accuracy)
    assert (found.label, found.score) == ("anger", 0.4)
    assert majority_baseline([], GOLD, accuracy) is None


def test_the_baseline_of_sentences_tags_every_word():
    seen = []
    majority_baseline(SENTENCES, SENTENCES, lambda gold, predicted: seen.append(predicted) or 0.0)
    assert seen == [[["O", "O", "O"], ["O", "O"], ["O", "O"]]]


@pytest.mark.parametrize("labels", [["joy", "anger"], ["anger", "joy"]])
def test_equally_frequent_labels_do_not_depend_on_the_order(labels):
    assert majority_baseline(labels, GOLD, accuracy).label == "anger"
