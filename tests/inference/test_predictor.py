"""A saved model put to use: every kind of input, and the scores of its record."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.data.examples import TextExample
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.storage.records import RunRecord, read_predictions
from unfreeze.tasks import TaskError

SavedRuns = Callable[[str, str], dict[str, tuple[Path, RunRecord]]]


@pytest.fixture(scope="module")
def classifier(saved_runs: SavedRuns) -> Predictor:
    return load_predictor(saved_runs("bert", "classification")["full"][0])


@pytest.fixture(scope="module")
def tagger(saved_runs: SavedRuns) -> Predictor:
    return load_predictor(saved_runs("bert", "tagging")["full"][0])


@pytest.mark.parametrize("task", ["classification", "tagging", "pos"])
@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_loaded_model_scores_and_predicts_as_its_record_says(
    saved_runs: SavedRuns, test_examples: Callable[[str], list[Any]], task: str, strategy: str
) -> None:
    folder, record = saved_runs("bert", task)[strategy]
    predictor = load_predictor(folder)
    evaluation = predictor.evaluate(test_examples(task))
    assert evaluation.metrics == pytest.approx(record.test, abs=1e-5)
    assert evaluation.breakdown == record.breakdown
    rows = read_predictions(folder, "test")
    predicted = [list(p.predicted) if isinstance(p.predicted, tuple) else p.predicted for p in evaluation.predictions]
    assert predicted == [row["predicted"] for row in rows]
    for prediction, row in zip(evaluation.predictions, rows, strict=True):
        assert list(prediction.scores) == pytest.approx(row["scores"], abs=1e-4)


def test_inputs_are_cut_and_windowed_as_in_training(saved_runs: SavedRuns, family_folder: Callable[..., str]) -> None:
    for task in ("classification", "tagging"):
        predictor = load_predictor(saved_runs("bert", task)["full"][0])
        assert predictor.max_length == 48
        assert getattr(predictor.task, "doc_stride", 4) == 4
        assert load_predictor(saved_runs("bert", task)["full"][0], max_length=9).max_length == 9
        assert load_predictor(saved_runs("bert", task)["full"][0], max_length=999).max_length == 64
    assert load_predictor(saved_runs("roberta", "tagging")["full"][0], max_length=999).max_length == 63


def test_a_text_a_list_of_texts_and_a_list_of_words(classifier: Predictor, tagger: Predictor) -> None:
    text = "we saw anna in berlin"
    for predictor in (classifier, tagger):
        alone = predictor.predict(text)
        assert len(alone) == 1
        assert rounded(predictor.predict([text, "a"])[:1]) == rounded(alone)
        assert predictor.predict([text.split()]) == alone
        assert predictor.predict((text,)) == alone
        assert predictor.predict([]) == []


def rounded(found: Any) -> Any:
    """Without the digits that differ with the padding of a batch."""
    if isinstance(found, list):
        return [rounded(one) for one in found]
    return {**found, "score": round(found["score"], 4)}


def test_the_format_for_classification(classifier: Predictor) -> None:
    [found] = classifier.predict("the happy day")
    assert set(found) == {"label", "score"} and found["label"] in classifier.labels.names
    assert isinstance(found["score"], float) and 1 / 3 <= found["score"] <= 1


@pytest.mark.parametrize(("aggregation", "stock"), [("simple", "simple"), ("none", "none")])
def test_the_format_for_tagging_is_the_stock_pipelines(
    tagger: Predictor, saved_runs: SavedRuns, aggregation: Any, stock: str
) -> None:
    folder = saved_runs("bert", "tagging")["full"][0] / "model"
    pipeline = transformers.pipeline("token-classification", str(folder), aggregation_strategy=stock, device="cpu")
    text = "anna saw karl in berlin"
    [ours], expected = tagger.predict([text], aggregation_strategy=aggregation), pipeline(text)
    assert ours and expected
    assert {frozenset(one) for one in ours} == {frozenset(one) for one in expected}
    for one in ours:
        assert text[one["start"] : one["end"]] == one["word"]
        assert 0 < one["score"] <= 1


def test_words_given_as_a_list_are_kept_whole(tagger: Predictor) -> None:
    words = ["New York", "", " ", "anna", "\u200b", "x" * 200]
    [found] = tagger.predict([words], aggregation_strategy="none")
    joined = " ".join(words)
    assert [joined[one["start"] : one["end"]] for one in found] == [words[one["index"]] for one in found]
    [prediction] = tagger.predict_examples([tagged(words)])
    assert len(prediction.predicted) == len(prediction.scores) == len(words)


def tagged(words: list[str]) -> Any:
    from unfreeze.data.examples import TaggedExample

    return TaggedExample(tuple(words))


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "[SEP] [MASK]", "🙂" * 50, "happy " * 500])
def test_any_text_has_one_prediction(classifier: Predictor, tagger: Predictor, text: str) -> None:
    [label] = classifier.predict([text])
    assert label["label"] in classifier.labels.names
    [entities] = tagger.predict([text])
    assert all(text[one["start"] : one["end"]] == one["word"] for one in entities)
    if not text.strip():
        assert entities == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_predictions_line_up_with_inputs(tagger: Predictor, texts: list[str]) -> None:
    found = tagger.predict(texts)
    assert rounded(found) == rounded([tagger.predict(text)[0] for text in texts])


def test_a_long_sentence_is_tagged_to_its_end(tagger: Predictor) -> None:
    rng = random.Random(0)
    words = [rng.choice(["the", "anna", "berlin", "saw", "unbelievable"]) for _ in range(300)]
    [prediction] = tagger.predict_examples([tagged(words)])
    assert len(prediction.predicted) == 300
    names = {i for i, word in enumerate(words) if word in ("anna", "berlin")}
    found = {i for i, tag in enumerate(prediction.predicted) if tag != "O"}
    assert max(found, default=0) > 200 and len(found & names) / len(names) > 0.5


def test_a_label_is_needed_to_score_but_not_to_predict(classifier: Predictor) -> None:
    assert classifier.predict_examples([TextExample("the day")])[0].predicted in classifier.labels.names
    with pytest.raises(TaskError, match="has no label"):
        classifier.evaluate([TextExample("the day")])


def test_the_likeliest_labels(classifier: Predictor, saved_runs: SavedRuns) -> None:
    text = "some furious day"
    stock = transformers.pipeline("text-classification", str(saved_runs("bert", "classification")["full"][0] / "model"))
    assert classifier.predict(text) == [pytest.approx(stock(text)[0])]
    for top_k in (2, None):
        [found] = classifier.predict(text, top_k=top_k)
        assert found == [pytest.approx(one) for one in stock(text, top_k=top_k)]


def test_unknown_options_are_refused(classifier: Predictor, tagger: Predictor) -> None:
    with pytest.raises(TaskError, match="aggregation_strategy: classification has no such option; it takes top_k"):
        classifier.predict("a day", aggregation_strategy="none")
    with pytest.raises(TaskError, match="top_k: tagging has no such option; it takes aggregation_strategy"):
        tagger.predict("a day", top_k=2)
