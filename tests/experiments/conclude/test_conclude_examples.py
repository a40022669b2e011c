"""Examples to read after a comparison, and what the most frequent answer scores on them."""

from __future__ import annotations

from typing import Any

import pytest

from unfreeze.data.examples import TaggedExample
from unfreeze.experiments.answers import AlignmentError
from unfreeze.storage.lines import read_lines, write_lines
from unfreeze.storage.records import PREDICTIONS_FILE


def test_the_baseline(folder: Any) -> None:
    folder.add(
        "full", said=["joy"] * 120, degenerate="predicts joy for every text"
    )  # what is gold is known all the same
    train = ["sadness"] * 3 + ["joy"] * 2 + [None] * 9
    expected = {"split": "test", "metric": "accuracy", "label": "sadness", "score": pytest.approx(1 / 3)}
    assert folder.conclude(train_labels=train).summary["baseline"] == expected
    assert folder.conclude(pairs=False, train_labels=train).summary["baseline"] == expected
    assert folder.conclude().summary["baseline"] is None
    assert folder.conclude(train_labels=[]).summary["baseline"] is None


def test_examples_to_read_are_of_the_recommended_model_and_have_their_texts(folder: Any) -> None:
    folder.add("full", said=["anger", "anger", "joy", *folder.gold[3:]])
    folder.add("head", said=["sadness", "joy", "joy", *folder.gold[3:]])
    folder.add("lora", 0.5, model_name="roberta")
    done = folder.conclude(texts_of=folder.texts_of, margin=0.2)
    divided, suspects = done.summary["disagreements"], done.summary["label_suspects"]
    assert [(one["split"], one["index"], one["word"], one["gold"]) for one in divided] == [
        ("news", 0, None, "anger"),
        ("news", 1, None, "joy"),
    ]
    assert divided[0]["answers"] == {"full": "anger", "head": "sadness"}
    assert divided[0]["confidence"] == pytest.approx(0.95)
    assert divided[0]["text"].startswith("text 0 and so on") and len(divided[0]["text"]) == 300
    assert divided[1]["text"] == "text 1" and "word_text" not in divided[1]
    [suspect] = suspects
    assert (suspect["index"], suspect["gold"], suspect["answer"], suspect["text"]) == (2, "sadness", "joy", "text 2")
    assert {one["model_name"] for one in (*divided, *suspects)} == {"bert"}
    without = folder.conclude(margin=0.2).summary["disagreements"]
    assert [one["index"] for one in without] == [0, 1] and without[0]["text"] == ""


def test_a_label_that_training_does_not_have_makes_no_suspect(folder: Any) -> None:
    folder.gold = ["pride", "joy", "sadness", *folder.gold[3:]]
    for strategy in ("full", "head"):
        folder.add(strategy, said=["joy", "anger", *folder.gold[2:]])
    folder.labels = ("anger", "joy", "sadness")
    summary = folder.conclude(texts_of=folder.texts_of).summary
    assert [(one["index"], one["gold"], one["gold_in_training"]) for one in summary["label_suspects"]] == [
        (1, "joy", True)
    ]
    assert {one["index"]: one["gold_in_training"] for one in summary["mistakes"]} == {0: False, 1: True}
    folder.labels = ()  # where it is not known which labels training has, all are there
    summary = folder.conclude(texts_of=folder.texts_of).summary
    assert {one["index"]: one["gold_in_training"] for one in summary["label_suspects"]} == {0: None, 1: None}


def test_what_no_strategy_can_answer_takes_no_place_among_the_50(folder: Any) -> None:
    folder.gold = ["pride"] * 60 + folder.gold[60:]
    for strategy in ("full", "head"):
        folder.add(strategy, said=["joy"] * 60 + ["anger"] * 60)
    folder.labels = ("anger", "joy", "sadness")
    suspects = folder.conclude().summary["label_suspects"]
    assert [one["index"] for one in suspects] == [i for i in range(60, 120) if folder.gold[i] != "anger"]


def test_examples_to_read_have_their_places(folder: Any) -> None:
    folder.add("full", said=["joy", *folder.gold[1:]])
    [mistake] = folder.conclude(texts_of=folder.texts_of).summary["mistakes"]
    assert (mistake["index"], mistake["file"], mistake["line"]) == (0, "news.csv", 2)
    [mistake] = folder.conclude().summary["mistakes"]
    assert (mistake["file"], mistake["line"], mistake["text"]) == (None, None, "")


def test_a_tag_that_training_does_not_have_is_marked(tagged: Any) -> None:
    tagged.labels = ("O", "B-PER", "I-PER")
    tagged.add("full", 1.0)
    mistakes = tagged.conclude(texts_of=tagged.texts_of).summary["mistakes"]
    assert {one["gold"]: one["gold_in_training"] for one in mistakes} == {"B-PER": True, "B-LOC": False}
    assert {one["gold"] for one in tagged.conclude().summary["label_suspects"]} == {"B-PER"}


def test_no_more_than_50_examples_to_read(folder: Any) -> None:
    folder.add("full", 0.0)
    folder.add("head", 0.9)
    assert len(folder.conclude().summary["disagreements"]) == 50


def test_tagging(tagged: Any) -> None:
    for seed in range(3):
        tagged.add("full", 0.0, seed)
        tagged.add("head", 0.8, seed)
    examples = tagged.texts_of("news")
    done = tagged.conclude(texts_of=tagged.texts_of, train_labels=[one.tags for one in examples])
    assert done.summary["selection_metric"] == "entity_f1" and done.summary["task"] == "tagging"
    assert {(one["split"], one["verdict"]) for one in done.summary["comparisons"]} == {
        ("validation", "better"),
        ("test", "better"),
    }
    assert done.summary["baseline"] == {"split": "test", "metric": "entity_f1", "label": "O", "score": 0.0}
    first = done.summary["disagreements"][0]
    assert first["word"] in (1, 3) and first["word_text"] == examples[0].words[first["word"]]
    assert first["text"] == f"zero{first['index']} one two three"
    assert first["answers"] == {"full": first["gold"], "head": "O"}
    with pytest.raises(AlignmentError, match="predictions for 4 words, but it has 3"):
        tagged.conclude(texts_of=lambda split: [TaggedExample(one.words[1:]) for one in examples])


def test_examples_without_a_label_are_left_out(folder: Any) -> None:
    for strategy, wrong in (("full", 0.0), ("head", 1.0)):
        predictions = folder.add(strategy, wrong) / PREDICTIONS_FILE
        rows = list(read_lines(predictions))
        write_lines(
            predictions, [row | ({"gold": None} if row["split"] == "news" and row["index"] else {}) for row in rows]
        )
    summary = folder.conclude(texts_of=folder.texts_of, train_labels=["joy"]).summary
    assert [one["difference"] for one in summary["comparisons"]] == [1.0, 1.0]
    assert [one["index"] for one in summary["disagreements"]] == [0] and folder.gold[0] == "anger"
    assert summary["baseline"]["score"] == 0.0


def test_texts_of_other_examples_are_refused(folder: Any) -> None:
    folder.add("full")
    with pytest.raises(AlignmentError, match="news: predictions of 120 examples, but it has 119"):
        folder.conclude(texts_of=lambda split: folder.texts_of(split)[1:])


def test_runs_on_other_examples_are_refused(folder: Any) -> None:
    folder.add("full", seed=1)
    folder.gold = folder.gold[::-1]
    folder.add("head", seed=2)
    with pytest.raises(
        AlignmentError, match="head, seed 2 on validation are not of the same examples as those of full"
    ):
        folder.conclude()
