"""Examples on which strategies disagree, and labels that all of them doubt."""

from __future__ import annotations

import pytest

from unfreeze.statistics.disagreement import disagreements, label_suspects


def texts(gold, predicted, sure=0.9):
    return [
        {"index": i, "gold": g, "predicted": p, "scores": [sure, 1 - sure]}
        for i, (g, p) in enumerate(zip(gold, predicted, strict=True))
    ]


GOLD = ["a", "a", "b"]


def test_what_is_divided_most_comes_first():
    runs = {
        "full": [texts(GOLD, "aab")],
        "lora": [texts(GOLD, "aba")],
        "head": [texts(GOLD, "aca")],
    }
    found = disagreements(runs)
    assert [one.index for one in found] == [1, 2]
    assert found[0].answers == {"full": "a", "lora": "b", "head": "c"}
    assert (found[0].gold, found[0].word) == ("a", None)
    assert [one.index for one in disagreements(runs, limit=1)] == [1]


def test_agreement_is_nothing_to_read():
    assert disagreements({"full": [texts(GOLD, "aab")], "lora": [texts(GOLD, "aab")]}) == []
    assert disagreements({}) == []


def test_seeds_vote():
    """One seed of three does not speak for its strategy."""
    full = [texts(GOLD, "aab"), texts(GOLD, "aab"), texts(GOLD, "bab")]
    assert disagreements({"full": full, "lora": [texts(GOLD, "aab")]}) == []


def test_a_split_vote_goes_to_the_surer_answer():
    full = [texts(GOLD, "aab", sure=0.6), texts(GOLD, "bab", sure=0.95)]
    (found,) = disagreements({"full": full, "lora": [texts(GOLD, "aab")]})
    assert found.answers == {"full": "b", "lora": "a"}


def test_labels_that_all_doubt():
    runs = {"full": [texts(GOLD, "acb", sure=0.95)], "lora": [texts(GOLD, "acb", sure=0.99)]}
    (found,) = label_suspects(runs)
    assert (found.index, found.gold, found.answer) == (1, "a", "c")
    assert found.confidence == pytest.approx(0.97)
    assert label_suspects(runs, least_confidence=0.98) == []


def test_wrong_in_different_ways_is_no_suspect():
    assert label_suspects({"full": [texts(GOLD, "acb")], "lora": [texts(GOLD, "abb")]}) == []
    assert label_suspects({"full": [texts(GOLD, "acb")], "lora": [texts(GOLD, "aab")]}) == []


def test_a_label_that_nothing_could_answer_is_no_suspect():
    runs = {"full": [texts(GOLD, "ccb")], "lora": [texts(GOLD, "ccb")]}
    known = [one.index for one in label_suspects(runs, labels={"a", "b", "c"})]
    assert known == [one.index for one in label_suspects(runs)] == [0, 1]
    assert label_suspects(runs, labels={"b", "c"}) == []


def test_the_surest_come_first():
    def rows(sure):
        return [{"index": i, "gold": "a", "predicted": "b", "scores": [one, 1 - one]} for i, one in enumerate(sure)]

    found = label_suspects({"full": [rows([0.91, 0.99, 0.95])]})
    assert [one.index for one in found] == [1, 2, 0]


def test_words_of_sentences():
    def tagged(predicted):
        return [{"index": 4, "gold": ["DET", "NOUN"], "predicted": predicted, "scores": [0.99, 0.96]}]

    (found,) = disagreements({"full": [tagged(["DET", "NOUN"])], "lora": [tagged(["DET", "VERB"])]})
    assert (found.index, found.word, found.gold) == (4, 1, "NOUN")
    (suspect,) = label_suspects({"full": [tagged(["PRON", "NOUN"])], "lora": [tagged(["PRON", "NOUN"])]})
    assert (suspect.word, suspect.answer) == (0, "PRON")


def test_other_examples_are_refused():
    with pytest.raises(ValueError, match="same examples"):
        disagreements({"full": [texts(GOLD, "aab")], "lora": [texts(["a", "b", "b"], "aab")]})
