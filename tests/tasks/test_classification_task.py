"""Text classification: encoded as the tokenizer would, with the loss of the stock network."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from sklearn.metrics import f1_score, precision_recall_fscore_support
from torch.nn.functional import cross_entropy

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import IGNORE, Batch, Features
from unfreeze.data.examples import TextExample
from unfreeze.data.labels import LabelSet
from unfreeze.models.load import load_tokenizer
from unfreeze.tasks import TASKS, Classification, Prediction, TaskError

TASK = Classification()
LABELS = LabelSet(("anger", "joy", "sadness"))
TEXTS = [
    "the cat",
    "",
    "the cat sat on the mat " * 6,
    "unknown wörds, 日本語 and 😀!",
    "cats",
    "a [SEP] b",
    " \u00a0\u200b ",
    "cat",
]


def word_pieces() -> Any:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "sat", "on", "mat", "a", "b", ",", "!"]
    return transformers.BertTokenizer(vocab={piece: i for i, piece in enumerate(words)})


@cache
def minilm() -> Any:
    return load_tokenizer("minilm")


TOKENIZERS = pytest.mark.parametrize("make_tokenizer", [word_pieces, pytest.param(minilm, marks=pytest.mark.slow)])


def examples_of(texts: list[str]) -> list[TextExample]:
    return [TextExample(text, LABELS.names[i % len(LABELS)]) for i, text in enumerate(texts)]


@TOKENIZERS
@pytest.mark.parametrize("max_length", [3, 4, 8, 20, 512])
def test_ids_and_cuts_are_those_of_the_tokenizers_own_truncation(make_tokenizer: Any, max_length: int) -> None:
    tokenizer = make_tokenizer()
    encoded = TASK.encode(examples_of(TEXTS), tokenizer, LABELS, max_length)
    whole = tokenizer(TEXTS)["input_ids"]
    expected = tokenizer(TEXTS, truncation=True, max_length=max_length)["input_ids"]
    assert [list(window.input_ids) for window in encoded.features] == expected
    cuts = [len(ids) - len(kept) for ids, kept in zip(whole, expected, strict=True)]
    assert encoded.truncated_examples == sum(cut > 0 for cut in cuts)
    assert encoded.truncated_tokens == sum(cuts)
    assert [window.example for window in encoded.features] == list(range(encoded.num_examples))


def test_a_text_over_the_tokenizers_limit_is_cut_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(message: str, *values: object) -> None:
        raise AssertionError(message)

    monkeypatch.setattr(transformers.tokenization_utils_base.logger, "warning", fail)
    tokenizer = word_pieces()
    tokenizer.model_max_length = 8
    encoded = TASK.encode([TextExample("the cat " * 20, "joy")], tokenizer, LABELS, 6)
    assert (encoded.truncated_examples, encoded.truncated_tokens, encoded.num_tokens) == (1, 36, 6)


def test_encoding_leaves_no_truncation_in_the_tokenizer() -> None:
    tokenizer = word_pieces()
    TASK.encode(examples_of(TEXTS), tokenizer, LABELS, 4)
    assert tokenizer.backend_tokenizer.truncation is None


def test_labels_become_ids() -> None:
    encoded = TASK.encode(examples_of(TEXTS), word_pieces(), LABELS, 16)
    assert [list(window.labels) for window in encoded.features] == [[i % 3] for i in range(len(TEXTS))]


def test_texts_without_a_label_can_be_encoded_to_be_predicted() -> None:
    encoded = TASK.encode([TextExample("the cat"), TextExample("b", "new")], word_pieces(), LABELS, 16, labelled=False)
    assert encoded.num_examples == len(encoded.features) == 2


def test_a_missing_label_is_an_error() -> None:
    with pytest.raises(TaskError, match="has no label"):
        TASK.encode([TextExample("the cat", None)], word_pieces(), LABELS, 16)


def test_a_label_outside_the_training_labels_has_no_loss_and_is_no_silent_zero() -> None:
    encoded = TASK.encode([TextExample("the cat", "new")], word_pieces(), LABELS, 16)
    assert list(encoded.features[0].labels) == [IGNORE]


def test_a_label_outside_the_training_labels_scores_as_an_error() -> None:
    examples = [TextExample("the cat", "new"), TextExample("a", "joy")]
    predictions = [Prediction(0, "joy", ()), Prediction(1, "joy", ())]
    assert TASK.score(examples, predictions)["accuracy"] == 0.5
    assert TASK.breakdown(examples, predictions)["new"]["support"] == 1


def test_texts_without_a_label_are_not_scored() -> None:
    with pytest.raises(TaskError, match="has no label"):
        TASK.score([TextExample("the cat")], [Prediction(0, "joy", ())])


def test_no_examples_encode_to_nothing() -> None:
    encoded = TASK.encode([], word_pieces(), LABELS, 16)
    assert (encoded.features, encoded.num_examples, encoded.num_tokens) == ((), 0, 0)
    assert TASK.decode([], [], LABELS, []) == []


@pytest.mark.parametrize("max_length", [2, 1, 0])
def test_a_length_without_room_for_text_is_refused(max_length: int) -> None:
    with pytest.raises(TaskError, match=f"max_length={max_length}: .* expected 3 or more"):
        TASK.encode(examples_of(TEXTS), word_pieces(), LABELS, max_length)


def batch_and_outputs(num_labels: int = 3) -> tuple[Batch, Any]:
    tokenizer = word_pieces()
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=num_labels,
        initializer_range=1.0,
    )
    network = transformers.BertForSequenceClassification(config).eval()
    batch = Collator(tokenizer.pad_token_id)(TASK.encode(examples_of(TEXTS), tokenizer, LABELS, 16).features)
    with torch.no_grad():
        return batch, network(**batch.inputs, labels=batch.labels)


def test_loss_is_that_of_the_stock_network() -> None:
    batch, outputs = batch_and_outputs()
    total, units = TASK.loss(outputs, batch)
    assert units.item() == len(TEXTS)
    torch.testing.assert_close(total / units, outputs.loss)


def test_weighted_loss_is_that_of_torch() -> None:
    batch, outputs = batch_and_outputs()
    weights = torch.tensor([0.5, 4.0, 1.5])
    total, units = TASK.loss(outputs, batch, weights)
    torch.testing.assert_close(total / units, cross_entropy(outputs.logits, batch.labels, weight=weights))
    assert not torch.isclose(total / units, outputs.loss)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 4.0, 1.5])])
def test_texts_without_a_known_label_have_no_loss(weights: torch.Tensor | None) -> None:
    batch, outputs = batch_and_outputs()
    labels = batch.labels.clone()
    labels[1::2] = IGNORE
    total, units = TASK.loss(outputs, Batch(dict, labels, batch.features), weights)
    torch.testing.assert_close(total / units, cross_entropy(outputs.logits[::2], labels[::2], weight=weights))
    total, units = TASK.loss(outputs, Batch(dict, torch.full_like(labels, IGNORE), batch.features), weights)
    assert (total.item(), units.item()) == (0.0, 0.0)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 4.0, 1.5])])
def test_losses_and_units_add_up_over_micro_batches(weights: torch.Tensor | None) -> None:
    batch, outputs = batch_and_outputs()
    whole = TASK.loss(outputs, batch, weights)
    parts = []
    for some in (slice(0, 3), slice(3, None)):
        part = Batch(dict, batch.labels[some], batch.features[some])
        parts.append(TASK.loss(SimpleNamespace(logits=outputs.logits[some]), part, weights))
    torch.testing.assert_close(sum(total for total, _ in parts), whole[0])
    torch.testing.assert_close(sum(units for _, units in parts), whole[1])


def test_loss_is_computed_in_single_precision() -> None:
    batch, outputs = batch_and_outputs()
    total, units = TASK.loss(SimpleNamespace(logits=outputs.logits.bfloat16()), batch)
    assert total.dtype == units.dtype == torch.float32


def test_predictions_are_the_argmax_in_the_order_of_the_examples() -> None:
    batch, outputs = batch_and_outputs()
    reduced = TASK.reduce(outputs, batch)
    backwards = list(range(len(TEXTS)))[::-1]
    predictions = TASK.decode(
        [batch.features[i] for i in backwards], [reduced[i] for i in backwards], LABELS, examples_of(TEXTS)
    )
    assert [prediction.example for prediction in predictions] == list(range(len(TEXTS)))
    assert [LABELS.id(str(p.predicted)) for p in predictions] == outputs.logits.argmax(-1).tolist()
    scores = torch.tensor([prediction.scores for prediction in predictions])
    torch.testing.assert_close(scores, outputs.logits.softmax(-1))


def test_scores_and_breakdown_equal_scikit_learn() -> None:
    gold, predicted = ["joy", "joy", "anger", "joy"], ["joy", "anger", "anger", "joy"]
    examples = [TextExample("", label) for label in gold]
    predictions = [Prediction(i, label, ()) for i, label in enumerate(predicted)]
    scores = TASK.score(examples, predictions)
    assert scores[TASK.selection_metric] == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert scores["accuracy"] == 0.75
    breakdown = TASK.breakdown(examples, predictions)
    values = precision_recall_fscore_support(gold, predicted, labels=["anger", "joy"])
    for label, row in zip(("anger", "joy"), zip(*values, strict=True), strict=True):
        assert breakdown[label] == pytest.approx(dict(zip(("precision", "recall", "f1", "support"), row, strict=True)))


def test_labels_are_ordered_by_number_and_by_name() -> None:
    def names(*labels: str | None) -> tuple[str, ...]:
        return TASK.labels([TextExample("", label) for label in labels]).names

    assert names("joy", "anger", "joy", None) == ("anger", "joy")
    assert names("10", "9", "-1", "10") == ("-1", "9", "10")
    assert names("b", "2", "O") == ("O", "2", "b")


def test_a_prediction_is_written_as_one_line() -> None:
    line = Prediction(3, "joy", (0.12345678, 0.5)).as_json("anger")
    assert line == {"index": 3, "gold": "anger", "predicted": "joy", "scores": [0.123457, 0.5]}


def test_every_task_is_listed_under_its_name() -> None:
    for name, task in TASKS.items():
        assert task.name == name
        assert hasattr(transformers, task.auto_class)


def test_a_text_has_one_window_and_no_words() -> None:
    encoded = TASK.encode(examples_of(TEXTS), word_pieces(), LABELS, 8)
    assert all(isinstance(window, Features) and window.words == () for window in encoded.features)
