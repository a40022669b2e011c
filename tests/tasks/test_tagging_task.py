"""Tagging: one tag for each original word, whatever the tokenizer makes of it and however long the sentence is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score
from tokenizers.pre_tokenizers import ByteLevel
from torch.nn.functional import cross_entropy

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.data.examples import TaggedExample
from unfreeze.data.labels import LabelSet
from unfreeze.models.load import load_tokenizer
from unfreeze.tasks import Prediction, Tagging, TaskError

TASK = Tagging()
LABELS = LabelSet(("O", "B-LOC", "I-LOC", "B-PER", "I-PER"))
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", *(f"##{letter}" for letter in "abcdefgh")]
# A no-break space, a zero-width space, an ideographic space, a variation selector, an emoji, nothing at all.
STRANGE = ("\u00a0", "\u200b", "\u3000", "\ufe0f", "😀", "")


@cache
def word_pieces() -> Any:
    """One piece a letter: `abc` has three pieces."""
    return transformers.BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)})


@cache
def byte_pieces() -> Any:
    """Byte-level BPE as in RoBERTa, where a word takes a leading space."""
    merges = [("Ġ", "a"), ("Ġa", "b"), ("c", "d")]
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = [*specials, *sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return transformers.RobertaTokenizer(vocab=vocabulary, merges=merges, add_prefix_space=True)


@cache
def minilm() -> Any:
    return load_tokenizer("minilm")


@pytest.fixture(scope="module")
def slow_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same pieces as `word_pieces` from a tokenizer in Python, which cannot say which word a piece is of."""
    vocabulary = tmp_path_factory.mktemp("slow") / "vocab.txt"
    Path(vocabulary).write_text("\n".join(PIECES), encoding="utf-8")
    tokenizer = transformers.BertTokenizerLegacy(str(vocabulary))
    assert not tokenizer.is_fast
    return tokenizer


TOKENIZERS = pytest.mark.parametrize(
    "make_tokenizer", [word_pieces, byte_pieces, pytest.param(minilm, marks=pytest.mark.slow)]
)
SENTENCES = [
    TaggedExample(("ab", "c", "defg", "h"), ("B-PER", "O", "B-LOC", "I-LOC")),
    TaggedExample(("a",), ("O",)),
    TaggedExample(("[SEP]", "Zürich-West", "abc.", "日本", "x" * 120), ("O", "B-LOC", "O", "O", "I-LOC")),
]


def tagged(*words: str) -> TaggedExample:
    """Words with tags that differ from word to word."""
    return TaggedExample(words, tuple(LABELS.names[i % len(LABELS)] for i in range(len(words))))


LOGITS_BY_TOKEN = torch.randn(31_000, len(LABELS), generator=torch.Generator().manual_seed(0))


def outputs_of(batch: Batch) -> Any:
    """A network that says of each token what its id alone decides, whatever stands around it."""
    return SimpleNamespace(logits=LOGITS_BY_TOKEN[batch.inputs["input_ids"]])


def predict(task: Tagging, encoded: Encoded, tokenizer: Any, batch_size: int = 3) -> list[Prediction]:
    collate = Collator(tokenizer.pad_token_id, token_labels=True)
    reduced: list[Any] = []
    for start in range(0, len(encoded.features), batch_size):
        batch = collate(encoded.features[start : start + batch_size])
        reduced += task.reduce(outputs_of(batch), batch)
    return task.decode(encoded.features, reduced, LABELS, SENTENCES[:1] * encoded.num_examples)


def answered(encoded: Encoded) -> list[tuple[int, int]]:
    """(example, word) of every token that answers for a word."""
    return sorted((window.example, word) for window in encoded.features for word in window.words if word >= 0)


def every_word(examples: Sequence[TaggedExample]) -> list[tuple[int, int]]:
    return [(i, word) for i, sentence in enumerate(examples) for word in range(len(sentence.words))]


# Short sentences: one window, the tokenizer's own ids.


@TOKENIZERS
def test_ids_of_a_short_sentence_are_the_tokenizers_own(make_tokenizer: Any) -> None:
    tokenizer = make_tokenizer()
    encoded = TASK.encode(SENTENCES, tokenizer, LABELS, 512)
    expected = [tokenizer(list(s.words), is_split_into_words=True)["input_ids"] for s in SENTENCES]
    assert [list(window.input_ids) for window in encoded.features] == expected
    assert encoded.truncated_tokens == encoded.unknown_words == 0


@TOKENIZERS
@pytest.mark.parametrize("alignment", ["first", "all"])
def test_labels_are_aligned_as_in_the_stock_example(make_tokenizer: Any, alignment: Any) -> None:
    """The reference is `tokenize_and_align_labels` of transformers' run_ner.py."""
    tokenizer = make_tokenizer()
    encoded = Tagging(label_alignment=alignment).encode(SENTENCES, tokenizer, LABELS, 512)
    several_pieces = 0
    for window, sentence in zip(encoded.features, SENTENCES, strict=True):
        expected, before = [], None
        assert sentence.tags is not None
        for word in tokenizer(list(sentence.words), is_split_into_words=True).word_ids():
            if word is None:
                expected.append(IGNORE)
            elif word != before:
                expected.append(LABELS.id(sentence.tags[word]))
            else:
                later = LABELS.id(sentence.tags[word].replace("B-", "I-"))
                expected.append(later if alignment == "all" else IGNORE)
                several_pieces += 1
            before = word
        assert list(window.labels) == expected
    assert several_pieces > 3


def test_all_pieces_of_a_plain_tag_carry_that_tag() -> None:
    labels = LabelSet(("B-noun", "verb"))
    task = Tagging(scheme="plain", label_alignment="all")
    encoded = task.encode([TaggedExample(("ab", "cd"), ("B-noun", "verb"))], word_pieces(), labels, 16)
    assert list(encoded.features[0].labels) == [IGNORE, 0, 0, 1, 1, IGNORE]


def test_only_the_first_piece_answers_for_a_word() -> None:
    for alignment in ("first", "all"):
        task = Tagging(label_alignment=alignment)  # type: ignore[arg-type]
        encoded = task.encode([tagged("ab", "c")], word_pieces(), LABELS, 16)
        assert list(encoded.features[0].words) == [-1, 0, -1, 1, -1]


# Words that vanish in the tokenizer.


@TOKENIZERS
def test_words_without_a_piece_get_a_prediction(make_tokenizer: Any) -> None:
    tokenizer = make_tokenizer()
    examples = [tagged("ab", *STRANGE, "c"), tagged(*STRANGE), tagged("\u200b"), tagged("a")]
    encoded = TASK.encode(examples, tokenizer, LABELS, 64)
    assert answered(encoded) == every_word(examples)
    lengths = [len(prediction.predicted) for prediction in predict(TASK, encoded, tokenizer)]
    assert lengths == [len(sentence.words) for sentence in examples]
    bare = [word for sentence in examples for word in sentence.words if not _pieces_of(tokenizer, word)]
    assert encoded.unknown_words == len(bare) > 0


def _pieces_of(tokenizer: Any, word: str) -> list[int]:
    return list(tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"])


def test_words_without_a_piece_read_as_unknown_and_keep_their_label() -> None:
    encoded = TASK.encode([TaggedExample(("a", "\u200b", "b"), ("O", "B-PER", "O"))], word_pieces(), LABELS, 16)
    [window] = encoded.features
    assert word_pieces().convert_ids_to_tokens(list(window.input_ids)) == ["[CLS]", "a", "[UNK]", "b", "[SEP]"]
    assert list(window.labels) == [IGNORE, 0, LABELS.id("B-PER"), 0, IGNORE]


def test_empty_sentences_keep_their_place() -> None:
    examples = [tagged(), tagged("a", "b"), tagged()]
    encoded = TASK.encode(examples, word_pieces(), LABELS, 16)
    assert [len(prediction.predicted) for prediction in predict(TASK, encoded, word_pieces())] == [0, 2, 0]
    assert TASK.encode([], word_pieces(), LABELS, 16).features == ()
    assert TASK.encode([tagged()], word_pieces(), LABELS, 16).features == ()


# Long sentences: windows.

WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=7), max_size=40)
ANY_WORDS = st.lists(st.one_of(st.text(max_size=6), st.sampled_from(STRANGE)), max_size=25)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(WORDS, min_size=1, max_size=3), st.integers(3, 24), st.integers(0, 16), st.booleans())
def test_windows_change_neither_predictions_nor_loss(
    sentences: list[list[str]], max_length: int, doc_stride: int, all_pieces: bool
) -> None:
    tokenizer = word_pieces()
    task = Tagging(doc_stride=doc_stride % (max_length - 2))
    if all_pieces and max_length >= 9:  # shorter windows cut pieces off long words, and with them their labels
        task = Tagging(doc_stride=doc_stride % (max_length - 2), label_alignment="all")
    examples = [tagged(*words) for words in sentences]
    windowed = task.encode(examples, tokenizer, LABELS, max_length)
    whole = task.encode(examples, tokenizer, LABELS, 1000)
    assert len(whole.features) == sum(bool(words) for words in sentences)
    assert all(len(window) <= max_length for window in windowed.features)
    assert answered(windowed) == every_word(examples)

    merged, expected = predict(task, windowed, tokenizer), predict(task, whole, tokenizer)
    assert [p.predicted for p in merged] == [p.predicted for p in expected]
    for prediction, other in zip(merged, expected, strict=True):
        assert prediction.scores == pytest.approx(other.scores)

    if whole.features:
        collate = Collator(tokenizer.pad_token_id, token_labels=True)
        batches = [collate(encoded.features) for encoded in (windowed, whole)]
        (loss, units), (expected_loss, expected_units) = (task.loss(outputs_of(b), b) for b in batches)
        assert units == expected_units
        torch.testing.assert_close(loss, expected_loss)


@pytest.mark.parametrize("make_tokenizer", [pytest.param(minilm, marks=pytest.mark.slow), byte_pieces])
@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(ANY_WORDS, min_size=1, max_size=3), st.integers(3, 30), st.integers(0, 40))
@example([["\u200b"] * 30, [], ["x" * 100, "\u00a0", "😀" * 9]], 8, 32)
@example([["[CLS]", "[PAD]", "[MASK]", "<s>", "\n", "a b", "\r\n\t"]], 8, 32)
def test_every_word_of_any_text_gets_one_tag(
    make_tokenizer: Any, sentences: list[list[str]], max_length: int, doc_stride: int
) -> None:
    tokenizer = make_tokenizer()
    task = Tagging(doc_stride=doc_stride % (max_length - 2))
    examples = [TaggedExample(tuple(words)) for words in sentences]
    encoded = task.encode(examples, tokenizer, LABELS, max_length, labelled=False)
    assert answered(encoded) == every_word(examples)
    for window in encoded.features:
        assert len(window.input_ids) == len(window.labels) == len(window.words) <= max_length
    for words, prediction in zip(sentences, predict(task, encoded, tokenizer), strict=True):
        assert len(prediction.predicted) == len(prediction.scores) == len(words)


def test_a_long_sentence_shares_doc_stride_pieces_between_windows() -> None:
    encoded = Tagging(doc_stride=4).encode([tagged(*"abcdefgh" * 4)], word_pieces(), LABELS, 12)
    bodies = [list(window.input_ids)[1:-1] for window in encoded.features]
    assert len(bodies) > 3
    for left, right in pairwise(bodies):
        assert left[-4:] == right[:4]
    for window in encoded.features:
        assert (window.input_ids[0], window.input_ids[-1]) == (2, 3)  # each window is framed


def test_a_word_above_the_window_is_cut_and_counted() -> None:
    encoded = TASK.encode([tagged("a", "abcdefgh", "b")], word_pieces(), LABELS, 7)
    assert (encoded.truncated_examples, encoded.truncated_tokens) == (1, 3)
    assert max(map(len, encoded.features)) == 7
    assert answered(encoded) == [(0, 0), (0, 1), (0, 2)]


def test_sentences_with_words_above_the_window_are_counted_once_each() -> None:
    sentences = [tagged("abcdefgh", "a", "abcdefg"), tagged(*"abcdefgh" * 3), tagged("abcdef")]
    encoded = TASK.encode(sentences, word_pieces(), LABELS, 7)  # room for five pieces
    assert (encoded.truncated_examples, encoded.truncated_tokens) == (2, 3 + 2 + 1)


def test_each_word_counts_once_in_the_loss() -> None:
    sentence = tagged(*"abcdefgh" * 5)
    encoded = TASK.encode([sentence], word_pieces(), LABELS, 12)
    labels = [label for window in encoded.features for label in window.labels if label != IGNORE]
    assert sum(map(len, encoded.features)) > 2 * len(encoded.features) + len(sentence.words)  # windows overlap
    assert [LABELS.names[label] for label in labels] == list(sentence.tags or ())


@pytest.mark.parametrize("max_length", [2, 1, 0])
def test_a_length_without_room_for_words_is_refused(max_length: int) -> None:
    with pytest.raises(TaskError, match=f"max_length={max_length}: .* expected 3 or more"):
        TASK.encode(SENTENCES, word_pieces(), LABELS, max_length)


@pytest.mark.parametrize("order", [1, -1])
def test_windows_are_merged_in_any_order(order: int) -> None:
    features = [Features(0, [2, 5, 3], [], [-1, 0, -1]), Features(1, [2, 5, 3], [], [-1, 0, -1])]
    features.insert(1, Features(0, [2, 6, 3], [], [-1, 1, -1]))
    reduced = [[(0, 1, 0.9)], [(1, 2, 0.8)], [(0, 3, 0.7)]]
    predictions = TASK.decode(features[::order], reduced[::order], LABELS, SENTENCES[:2])
    assert predictions == [
        Prediction(0, ("B-LOC", "I-LOC"), (0.9, 0.8)),
        Prediction(1, ("B-PER",), (0.7,)),
    ]


def test_a_sentence_over_the_tokenizers_limit_gives_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(message: str, *values: object) -> None:
        raise AssertionError(message)

    monkeypatch.setattr(transformers.tokenization_utils_base.logger, "warning", fail)
    tokenizer = transformers.BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)}, model_max_length=8)
    encoded = TASK.encode([tagged(*"abcdefgh" * 3)], tokenizer, LABELS, 8)
    assert answered(encoded) == [(0, word) for word in range(24)]


# Tokenizers in Python.


def test_a_slow_tokenizer_encodes_as_the_fast_one(slow_tokenizer: Any) -> None:
    examples = [tagged("ab", "c", "zz", "😀"), tagged(), tagged(*"abc" * 9, "abcdefgh"), tagged("a", "\u200b", "")]
    for max_length in (8, 64):
        slow = TASK.encode(examples, slow_tokenizer, LABELS, max_length)
        assert slow == TASK.encode(examples, word_pieces(), LABELS, max_length)


def test_ids_of_a_slow_tokenizer_are_its_own(slow_tokenizer: Any) -> None:
    sentence = tagged("ab", "c", "zz", "abc")
    [window] = TASK.encode([sentence], slow_tokenizer, LABELS, 64).features
    expected = slow_tokenizer(list(sentence.words), is_split_into_words=True)["input_ids"]
    assert list(window.input_ids) == expected


# Loss.


def short_batch(task: Tagging) -> tuple[Batch, Any]:
    tokenizer = word_pieces()
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=len(LABELS),
        initializer_range=1.0,
    )
    network = transformers.BertForTokenClassification(config).eval()
    batch = Collator(tokenizer.pad_token_id, token_labels=True)(task.encode(SENTENCES, tokenizer, LABELS, 64).features)
    with torch.no_grad():
        return batch, network(**batch.inputs, labels=batch.labels)


@pytest.mark.parametrize("alignment", ["first", "all"])
def test_loss_is_that_of_the_stock_network(alignment: Any) -> None:
    task = Tagging(label_alignment=alignment)
    batch, outputs = short_batch(task)
    total, units = task.loss(outputs, batch)
    torch.testing.assert_close(total / units, outputs.loss)
    if alignment == "first":
        assert units.item() == sum(len(sentence.words) for sentence in SENTENCES)


def test_weighted_loss_is_that_of_torch() -> None:
    batch, outputs = short_batch(TASK)
    weights = torch.tensor([0.2, 4.0, 1.5, 1.0, 0.7])
    total, units = TASK.loss(outputs, batch, weights)
    expected = cross_entropy(outputs.logits.flatten(0, 1), batch.labels.flatten(), weight=weights)
    torch.testing.assert_close(total / units, expected)
    assert not torch.isclose(total / units, outputs.loss)


def test_windows_without_labels_have_no_loss() -> None:
    encoded = TASK.encode([TaggedExample(("a", "b"))], word_pieces(), LABELS, 16, labelled=False)
    batch = Collator(0, token_labels=True)(encoded.features)
    total, units = TASK.loss(outputs_of(batch), batch, torch.ones(len(LABELS)))
    assert (total.item(), units.item()) == (0.0, 0.0)


# Labels and scores.


def test_labels_hold_both_tags_of_every_type_and_begin_with_outside() -> None:
    examples = [TaggedExample(("a", "b"), ("B-PER", "I-LOC")), TaggedExample(("a",), ("B-MISC-NP",)), tagged()]
    assert TASK.labels(examples).names == ("O", "B-LOC", "I-LOC", "B-MISC-NP", "I-MISC-NP", "B-PER", "I-PER")
    assert TASK.labels([TaggedExample(("a",))]).names == ("O",)


def test_plain_labels_are_the_tags_that_occur() -> None:
    examples = [TaggedExample(("a", "b", "c"), ("VERB", "NOUN", "VERB"))]
    assert Tagging(scheme="plain").labels(examples).names == ("NOUN", "VERB")


def test_a_tag_outside_the_training_labels_is_no_silent_zero() -> None:
    (window,) = TASK.encode([TaggedExample(("a",), ("B-NEW",))], word_pieces(), LABELS, 16).features
    assert set(window.labels) == {IGNORE} and 0 in window.words
    with pytest.raises(TaskError, match="has no label"):
        TASK.encode([TaggedExample(("a",), None)], word_pieces(), LABELS, 16)


def test_sentences_without_tags_are_not_scored() -> None:
    with pytest.raises(TaskError, match="has no label"):
        TASK.score([TaggedExample(("a",))], [Prediction(0, ("O",), ())])


def test_scores_of_entities_equal_seqeval() -> None:
    gold = [("B-PER", "I-PER", "O"), (), ("B-LOC",)]
    predicted = [("B-PER", "O", "O"), (), ("I-LOC",)]
    examples = [TaggedExample(tuple("abc"[: len(tags)]), tags) for tags in gold]
    predictions = [Prediction(i, tags, ()) for i, tags in enumerate(predicted)]
    scores = TASK.score(examples, predictions)
    assert scores["entity_f1"] == f1_score([list(t) for t in gold], [list(t) for t in predicted]) == 0.5
    assert scores["strict_entity_f1"] == 0.0
    assert scores["accuracy"] == accuracy_score(["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "O", "O", "I-LOC"])
    assert TASK.selection_metric in scores
    breakdown = TASK.breakdown(examples, predictions)
    assert {kind: row["f1"] for kind, row in breakdown.items()} == {"LOC": 1.0, "PER": 0.0}
    assert {kind: row["support"] for kind, row in breakdown.items()} == {"LOC": 1, "PER": 1}


def test_scores_of_plain_tags_run_over_words() -> None:
    task = Tagging(scheme="plain")
    examples = [TaggedExample(("a", "b", "c"), ("NOUN", "VERB", "NOUN")), TaggedExample(("d",), ("VERB",))]
    predictions = [Prediction(0, ("NOUN", "NOUN", "NOUN"), ()), Prediction(1, ("VERB",), ())]
    scores = task.score(examples, predictions)
    assert scores[task.selection_metric] == 0.75
    assert "entity_f1" not in scores
    assert task.breakdown(examples, predictions)["VERB"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )


def test_a_prediction_is_written_as_lists() -> None:
    line = Prediction(0, ("O", "B-PER"), (0.9, 0.8)).as_json(("O", "O"))
    assert line == {"index": 0, "gold": ["O", "O"], "predicted": ["O", "B-PER"], "scores": [0.9, 0.8]}


def test_a_perfect_network_scores_one_over_windows() -> None:
    """Gold tags fed through encode, reduce and decode come back as they were, long sentences included."""
    examples = [tagged(*["abc"] * 50), *SENTENCES]
    encoded = TASK.encode(examples, word_pieces(), LABELS, 16)
    batch = Collator(0, token_labels=True)(encoded.features)
    logits = torch.nn.functional.one_hot(batch.labels.clamp(min=0), len(LABELS)).float()
    predictions = TASK.decode(encoded.features, TASK.reduce(SimpleNamespace(logits=logits), batch), LABELS, examples)
    assert [prediction.predicted for prediction in predictions] == [sentence.tags for sentence in examples]
    assert TASK.score(examples, predictions)["entity_f1"] == 1.0
