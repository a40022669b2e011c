"""Pairs, long texts, several labels and numbers: what every task on whole texts does alike, and what each adds."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import IGNORE, Features
from unfreeze.data.examples import MultiLabelExample, NumberExample, TextExample
from unfreeze.data.labels import LabelSet
from unfreeze.tasks import Classification, MultiLabel, Prediction, Regression, TaskError
from unfreeze.tasks.texts import TextTask, longest_first

LETTERS = "abcdefgh"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
LABELS = LabelSet(("anger", "joy", "love"))
LONG = TextExample(" ".join(LETTERS * 3), "joy")  # 24 tokens


@cache
def tokenizer() -> Any:
    return transformers.BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)})


def letters(window: Features) -> str:
    return "".join(
        PIECES[i] if len(PIECES[i]) == 1 else {"[CLS]": "<", "[SEP]": "|"}[PIECES[i]] for i in window.input_ids
    )


def encode(task: TextTask, examples: list[Any], max_length: int = 12, **options: Any) -> Any:
    return task.encode(examples, tokenizer(), LABELS, max_length, **options)


def test_pairs_are_encoded_as_the_tokenizer_encodes_them() -> None:
    encoded = encode(Classification(), [TextExample("a b", "joy", pair="c d e"), LONG], 40)
    stock = tokenizer()("a b", "c d e")
    pair, single = encoded.features
    assert list(pair.input_ids) == stock["input_ids"] and list(pair.segments) == stock["token_type_ids"]
    assert single.segments == ()
    segments = Collator(0)([single, pair]).inputs["token_type_ids"].tolist()
    assert segments == [[0] * len(single), [*pair.segments, *[0] * (len(single) - len(pair))]]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(2, 30))
def test_the_longer_text_of_a_pair_is_cut_first(first: int, second: int, room: int) -> None:
    one, other = longest_first(first, second, room)
    expected = [first, second]
    while sum(expected) > room:  # as the tokenizers do it, token by token
        expected[expected[1] >= expected[0]] -= 1
    assert one + other == min(first + second, room)
    assert abs(one - expected[0]) <= 1 and 0 <= one <= first and 0 <= other <= second


def test_what_a_pair_loses_is_counted() -> None:
    encoded = encode(Classification(), [TextExample("a b c", "joy", pair=" ".join("abcdefgh"))])
    assert letters(encoded.features[0]) == "<abc|abcdef|"
    assert (encoded.truncated_examples, encoded.truncated_tokens) == (1, 2)
    with pytest.raises(TaskError, match="--long-text window_mean: is for single texts, and these are pairs"):
        encode(Classification(long_text="window_mean"), [TextExample("a", "joy", pair="b")])


@pytest.mark.parametrize(
    ("long_text", "windows", "lost"),
    [
        ("truncate", ["<abcdefghab|"], 14),
        ("head_tail", ["<ab" + "abcdefgh"[-8:] + "|"], 14),
        ("window_mean", ["<abcdefghab|", "<ghabcdefgh|", "<efghabcdef|", "<cdefgh|"], 0),
    ],
)
def test_what_is_read_of_a_long_text(long_text: Any, windows: list[str], lost: int) -> None:
    encoded = encode(Classification(long_text=long_text, doc_stride=4), [LONG, TextExample("a", "joy")])
    assert [letters(window) for window in encoded.features] == [*windows, "<a|"]
    assert encoded.truncated_tokens == lost
    assert sum(window.weight for window in encoded.features) == pytest.approx(2)  # each text counts once
    assert bool(encoded.notes) == (lost == 0)


@pytest.mark.parametrize("long_text", ["window_mean", "window_max"])
@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(5, 20), st.integers(0, 9))
def test_every_token_of_every_text_is_read(
    long_text: Any, lengths: list[int], max_length: int, doc_stride: int
) -> None:
    texts = [TextExample(" ".join((LETTERS * 6)[:length]), "joy") for length in lengths]
    task = Classification(long_text=long_text, doc_stride=doc_stride % (max_length - 2))
    encoded = encode(task, texts, max_length)
    assert encoded.truncated_examples == 0 and max(map(len, encoded.features)) <= max_length
    for i, length in enumerate(lengths):
        own = [letters(one)[1:-1] for one in encoded.features if one.example == i]
        read = own[0] + "".join(window[task.doc_stride :] for window in own[1:])
        assert read == (LETTERS * 6)[:length]


def test_windows_are_one_answer_and_one_text_in_the_loss() -> None:
    task = Classification(long_text="window_mean", doc_stride=0)
    encoded = encode(task, [LONG, TextExample("a", "anger")])
    batch = Collator(0)(encoded.features)
    logits = torch.randn(len(encoded.features), 3, generator=torch.Generator().manual_seed(0))
    total, units = task.loss(SimpleNamespace(logits=logits), batch)
    losses = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none")
    assert float(units) == pytest.approx(2)
    torch.testing.assert_close(total, losses[:3].mean() + losses[3])
    mean = task.decode(encoded.features, task.reduce(SimpleNamespace(logits=logits), batch), LABELS, [LONG, LONG])
    assert mean[0].scores == pytest.approx(logits[:3].softmax(-1).mean(0).tolist())
    most = Classification(long_text="window_max").decode(
        encoded.features, task.reduce(SimpleNamespace(logits=logits), batch), LABELS, [LONG, LONG]
    )
    highest = logits[:3].softmax(-1).max(0).values
    assert most[0].scores == pytest.approx((highest / highest.sum()).tolist())
    assert most[1].scores == pytest.approx(mean[1].scores)


def test_window_weights_go_with_label_weights() -> None:
    task = Classification(long_text="window_mean", doc_stride=0)
    batch = Collator(0)(encode(task, [LONG, TextExample("a", "anger"), TextExample("b", "unknown")]).features)
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    weights = torch.tensor([0.5, 2.0, 1.0])
    total, units = task.loss(SimpleNamespace(logits=logits), batch, weights)
    losses = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none", ignore_index=IGNORE)
    assert float(units) == pytest.approx(2.0 + 0.5)
    torch.testing.assert_close(total, 2.0 * losses[:3].mean() + 0.5 * losses[3])


def model_that(predict: Any) -> Any:
    """A model, as answering needs it."""
    return SimpleNamespace(predict_examples=predict, network=None, tokenizer=None)


MANY = [
    MultiLabelExample("a", ("joy", "love")),
    MultiLabelExample("b", ()),
    MultiLabelExample("c", ("anger", "unknown")),
]


def test_several_labels_have_the_stock_loss_and_a_threshold_each() -> None:
    task = MultiLabel()
    assert task.config(LABELS)["problem_type"] == "multi_label_classification"
    encoded = encode(task, MANY)
    batch = Collator(0)(encoded.features)
    assert batch.labels.tolist() == [[0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    logits = torch.tensor([[-2.0, 1.0, -0.1], [-1.0, -1.0, -3.0], [2.0, 0.1, -1.0]])
    total, units = task.loss(SimpleNamespace(logits=logits), batch)
    torch.testing.assert_close(total / units, torch.nn.BCEWithLogitsLoss()(logits, batch.labels))
    said = task.decode(encoded.features, task.reduce(SimpleNamespace(logits=logits), batch), LABELS, MANY)
    assert [one.predicted for one in said] == [("joy",), (), ("anger", "joy")]
    assert task.score(MANY, said)["subset_accuracy"] == pytest.approx(1 / 3)
    assert task.breakdown(MANY, said)["unknown"]["recall"] == 0.0
    compared = task.comparable(said[2].as_json(task.gold(MANY[2])))
    assert compared is not None
    assert (compared.gold, compared.predicted) == ("anger + unknown", "anger + joy")
    assert compared.scores == [pytest.approx(float(torch.tensor(0.1).sigmoid()), abs=1e-5)]
    unlabelled = Collator(0)(encode(task, MANY, labelled=False).features)
    assert float(task.loss(SimpleNamespace(logits=logits), unlabelled)[1]) == 0


def test_labels_of_a_text_come_with_their_probabilities() -> None:
    def predict(examples: Any) -> list[Prediction]:
        assert examples == [MultiLabelExample("a b"), MultiLabelExample("c", pair="d")]
        return [Prediction(0, ("anger", "love"), (0.6, 0.1, 0.9)), Prediction(1, (), (0.1, 0.2, 0.3))]

    answers = MultiLabel().answers([["a", "b"], {"text": "c", "text_pair": "d"}], model_that(predict))
    assert answers == [[{"label": "love", "score": 0.9}, {"label": "anger", "score": 0.6}], []]
    with pytest.raises(TaskError, match=r'expected \{"text"'):
        MultiLabel().answers([{"question": "c"}], model_that(predict))


def test_one_label_alone_is_a_label_too() -> None:
    task, labels = MultiLabel(), LabelSet(("spam",))
    examples = [MultiLabelExample("a", ("spam",)), MultiLabelExample("b", ())]
    batch = Collator(0)(task.encode(examples, tokenizer(), labels, 12).features)
    total, units = task.loss(SimpleNamespace(logits=torch.zeros(2, 1)), batch)
    assert float(total / units) == pytest.approx(0.6931, abs=1e-4)


def test_numbers_have_the_squared_error() -> None:
    task = Regression()
    examples = [NumberExample("a", 2.5), NumberExample("b", -1.0)]
    encoded = encode(task, examples)
    batch = Collator(0)(encoded.features)
    outputs = SimpleNamespace(logits=torch.tensor([[2.0], [1.0]]))
    total, units = task.loss(outputs, batch)
    assert (float(total), float(units)) == (0.25 + 4.0, 2.0)
    said = task.decode(encoded.features, task.reduce(outputs, batch), LabelSet(("value",)), examples)
    assert [one.predicted for one in said] == [2.0, 1.0]
    assert task.score(examples, said)["mae"] == 1.25
    assert said[0].as_json(2.5) == {"index": 0, "gold": 2.5, "predicted": 2.0, "scores": []}
    assert task.comparable(said[0].as_json(2.5)) is None
    assert task.answers(["a"], model_that(lambda examples: said[:1])) == [{"label": "value", "score": 2.0}]
    unlabelled = Collator(0)(encode(task, examples, labelled=False).features)
    assert float(task.loss(outputs, unlabelled)[1]) == 0


@pytest.mark.parametrize(
    ("labels", "problem_type", "expected"),
    [
        (("a", "b"), None, Classification()),
        (("a", "b"), "single_label_classification", Classification()),
        (("a", "b"), "multi_label_classification", MultiLabel()),
        (("a",), None, Regression()),
        (("a",), "regression", Regression()),
        (("a",), "multi_label_classification", MultiLabel()),
    ],
)
def test_models_from_elsewhere_say_what_they_are_for(labels: Any, problem_type: str | None, expected: TextTask) -> None:
    config = SimpleNamespace(problem_type=problem_type)
    found = [task.for_config(config, LabelSet(labels)) for task in (Classification, MultiLabel, Regression)]
    assert [one for one in found if one is not None] == [expected]
