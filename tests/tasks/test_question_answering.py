"""Question answering: every answer can be found wherever it lies, and comes back as the characters of the context."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import exp
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.batching.windows import token_windows
from unfreeze.data.labels import LabelSet
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.models.load import load_tokenizer
from unfreeze.tasks import Prediction, QuestionAnswering, TaskError
from unfreeze.tasks.answer_files import AnswerPrediction, answer_files
from unfreeze.tasks.answer_spans import Candidate, _with_marks, best_spans
from unfreeze.tasks.pieces import pieces_with_offsets

NO_LABELS = LabelSet(())
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", *(f"##{letter}" for letter in "abcdefgh")]
# Emoji, a combining mark, characters beyond 16 bits, a zero-width space, blanks of all kinds.
WORDS = st.one_of(
    st.sampled_from(["e\u0301t", "🌊", "👩‍🚀", "𝔘x", "\u200b", "Łódź", "ab", "c", "日本"]), st.text(max_size=6)
)
BLANKS = st.sampled_from([" ", "\u00a0", "\n", "  "])


@cache
def word_pieces() -> Any:
    """One piece a letter; all that is no letter from a to h is unknown."""
    return transformers.BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)})


@cache
def byte_pieces() -> Any:
    """Byte-level BPE as in RoBERTa: two separators between texts, no segments, blanks belong to the word behind."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = [*specials, *sorted(ByteLevel.alphabet()), "Ġa", "Ġab"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return transformers.RobertaTokenizer(
        vocab=vocabulary, merges=[("Ġ", "a"), ("Ġa", "b")], add_prefix_space=True, trim_offsets=False
    )


TOKENIZERS = pytest.mark.parametrize("make_tokenizer", [word_pieces, byte_pieces])


def encode(task: QuestionAnswering, examples: Sequence[QuestionExample], tokenizer: Any, max_length: int) -> Encoded:
    return task.encode(examples, tokenizer, NO_LABELS, max_length)


def outputs(batch: Batch, start: torch.Tensor, end: torch.Tensor) -> Any:
    return SimpleNamespace(start_logits=start, end_logits=end)


def perfect(batch: Batch) -> Any:
    """A network that points to the labels of each window, and to "no answer" a little where there is none."""
    tokens = batch.inputs["input_ids"].shape[1]
    logits = [10.0 * torch.nn.functional.one_hot(side, tokens).float() for side in batch.labels.unbind(1)]
    return outputs(batch, *logits)


def decode(
    task: QuestionAnswering, examples: Sequence[QuestionExample], encoded: Encoded, network: Callable[[Batch], Any]
) -> list[AnswerPrediction]:
    reduced: list[Any] = []
    for window in encoded.features:
        batch = Collator(0)([window])
        reduced += task.reduce(network(batch), batch)
    found = task.decode(encoded.features, reduced, NO_LABELS, examples)
    assert all(isinstance(one, AnswerPrediction) for one in found)
    return found  # type: ignore[return-value]


@st.composite
def questions(draw: st.DrawFn) -> QuestionExample:
    """A context of up to 40 words, and an answer of one to three of them."""
    words = draw(st.lists(WORDS, min_size=1, max_size=40))
    blanks = draw(st.lists(BLANKS, min_size=len(words), max_size=len(words)))
    first = draw(st.integers(0, len(words) - 1))
    last = min(len(words), first + draw(st.integers(1, 3)))
    before = "".join(word + blank for word, blank in zip(words[:first], blanks[:first], strict=True))
    answer = "".join(word + blank for word, blank in zip(words[first:last], blanks[first:last], strict=True)).strip()
    rest = "".join(word + blank for word, blank in zip(words[last:], blanks[last:], strict=True))
    context = f"{before}{answer} {rest}"
    return QuestionExample(draw(st.text("abc ", max_size=12)), context, (Span(answer, len(before)),) if answer else ())


def pieces_of(answer: Span, offsets: np.ndarray[Any, Any]) -> int:
    return int(((offsets[:, 0] < answer.end) & (offsets[:, 1] > answer.start)).sum())


@TOKENIZERS
@settings(deadline=None, derandomize=True, max_examples=150)
@given(asked=questions(), max_length=st.integers(24, 60), doc_stride=st.integers(0, 12))
@example(QuestionExample("who", "ab " * 60 + "the 🌊 sea", (Span("🌊 sea", 184),)), 24, 8)
@example(QuestionExample("who", "\u200b", ()), 24, 8)
def test_every_token_is_covered_and_the_answer_found_wherever_it_lies(
    make_tokenizer: Any, asked: QuestionExample, max_length: int, doc_stride: int
) -> None:
    tokenizer, task = make_tokenizer(), QuestionAnswering(doc_stride=doc_stride, max_answer_length=200)
    encoded = encode(task, [asked], tokenizer, max_length)
    [(_, offsets)] = pieces_with_offsets([asked.context], tokenizer)
    covered: dict[tuple[int, int], int] = {}
    for window in encoded.features:
        assert len(window.input_ids) == len(window.offsets) <= max_length
        for token_id, (start, end) in zip(window.input_ids, window.offsets.tolist(), strict=True):
            if start >= 0:
                covered[start, end] = token_id
    assert set(covered) == {tuple(row) for row in offsets.tolist()}

    # An answer that fits into what two windows share lies in one of them as a whole.
    if (
        asked.answers
        and (count := pieces_of(asked.answers[0], offsets)) > 0
        and (len(encoded.features) == 1 or count <= doc_stride)
    ):
        [found] = decode(task, [asked], encoded, perfect)
        [answer] = asked.answers
        # Characters without a piece of their own (a zero-width space) at its ends are not part of what is found.
        inner = [
            (start, end) for start, end in offsets.tolist() if start < answer.end and end > answer.start and start < end
        ]
        assert (found.start, found.end) == (inner[0][0], inner[-1][1])
        assert found.predicted == asked.context[found.start : found.end]


@pytest.mark.parametrize("position", range(0, 40))
def test_an_answer_at_every_place_of_a_long_context(position: int) -> None:
    """Windows of 10 context tokens share 4: an answer of 3 tokens is found at the border of two windows as well."""
    words = [*"abcdefgh"] * 6
    context = " ".join(words)
    answer = Span(context[2 * position : 2 * position + 5], 2 * position)
    asked = QuestionExample("ab", context, (answer,))
    task = QuestionAnswering(doc_stride=4)
    encoded = encode(task, [asked], word_pieces(), 15)
    assert len(encoded.features) == len(token_windows(48, 10, 4))
    [found] = decode(task, [asked], encoded, perfect)
    assert (found.predicted, found.start, found.end) == (answer.text, answer.start, answer.end)
    assert task.score([asked], [found]) == {"exact_match": 1.0, "f1": 1.0}


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 12), st.integers(1, 8), st.integers(1, 30), st.integers(0, 10**6))
def test_the_best_spans_are_those_of_all_pairs(tokens: int, reach: int, n_best: int, seed: int) -> None:
    """Not only the pairs of the best starts with the best ends."""
    generator = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, 1, tokens + 3, generator=generator)
    places = np.full((tokens + 3, 2), -1, dtype=np.int32)
    places[2:-1] = [[i, i + 1] for i in range(tokens)]
    batch = Collator(0)([Features(0, [1] * (tokens + 3), [0, 0], offsets=places)])
    [spans] = best_spans(outputs(batch, start, end), batch, reach, n_best)
    pairs = [(s, e) for s in range(2, tokens + 2) for e in range(s, min(s + reach, tokens + 2))]
    pairs.sort(key=lambda pair: -float(start[0, pair[0]] + end[0, pair[1]]))
    assert list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)) == pairs[:n_best]
    assert spans.null_logits == pytest.approx((float(start[0, 0]), float(end[0, 0])))


def test_pairs_are_encoded_as_the_tokenizer_encodes_them(
    family: str, family_folder: Callable[..., str], make_questions: Callable[..., Any]
) -> None:
    tokenizer = load_tokenizer(family_folder(family))
    for asked in make_questions(6):
        [window] = encode(QuestionAnswering(), [asked], tokenizer, 400).features
        stock = tokenizer(asked.question, asked.context)
        assert list(window.input_ids) == stock["input_ids"]
        assert list(window.segments) == list(stock.get("token_type_ids", ()))


def test_the_loss_is_that_of_the_stock_network(workbench: Callable[..., Any]) -> None:
    """Without padding: the stock network counts padded places as places where an answer may begin."""
    bench = workbench("bert", "question-answering", dropout=0.0)
    for window in bench.train.encoded.features[:6]:
        batch = bench.collator([window])
        with torch.no_grad():
            stock = bench.network(
                **batch.inputs, start_positions=batch.labels[:, 0], end_positions=batch.labels[:, 1]
            ).loss
            total, units = bench.task.loss(bench.network(**batch.inputs), batch)
        assert float(units) == 1
        torch.testing.assert_close(total, stock)


def test_windows_of_questions_that_are_not_labelled_have_no_loss() -> None:
    asked = QuestionExample("ab", "c d e")
    encoded = QuestionAnswering().encode([asked], word_pieces(), NO_LABELS, 30, labelled=False)
    batch = Collator(0)(encoded.features)
    assert batch.labels.tolist() == [[IGNORE, IGNORE]]
    with pytest.raises(TaskError, match="has no label"):
        encode(QuestionAnswering(), [asked], word_pieces(), 30)


def test_a_slow_tokenizer_knows_the_words_of_its_pieces(tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(PIECES), encoding="utf-8")
    slow = transformers.BertTokenizerLegacy(str(vocabulary))
    assert not slow.is_fast
    asked = QuestionExample("ab", "abc de, fgh", (Span("de", 4),))
    [window] = encode(QuestionAnswering(), [asked], slow, 40).features
    [fast] = encode(QuestionAnswering(), [asked], word_pieces(), 40).features
    assert window.input_ids == fast.input_ids
    [found] = decode(QuestionAnswering(), [asked], encode(QuestionAnswering(), [asked], slow, 40), perfect)
    assert (found.predicted, found.start) == ("de,", 4)  # the piece has the place of its word


def test_a_long_question_is_cut_and_said() -> None:
    asked = QuestionExample("a " * 50, "c d e f", (Span("e", 4),))
    encoded = encode(QuestionAnswering(), [asked], word_pieces(), 23)
    assert (encoded.truncated_examples, encoded.truncated_tokens) == (1, 40)
    [found] = decode(QuestionAnswering(), [asked], encoded, perfect)
    assert found.predicted == "e"


def test_answers_that_cannot_be_found_are_said() -> None:
    long = QuestionExample("a", "b " * 40, (Span("b " * 35 + "b", 0),))
    none = QuestionExample("a", "b \u200b c", (Span("\u200b", 2),))
    encoded = encode(QuestionAnswering(), [long, none], word_pieces(), 384)
    assert [note.split(":")[0].split("; ")[0] for note in encoded.notes] == [
        "1 answers hold no word piece",
        "1 answers are longer than 30 tokens and cannot be found whole",
    ]


@pytest.mark.parametrize("doc_stride", [381, 384, 1000])
def test_a_stride_not_smaller_than_the_window_is_refused(doc_stride: int) -> None:
    with pytest.raises(TaskError, match=f"--doc-stride {doc_stride}: expected less than the 381 pieces of a window"):
        encode(QuestionAnswering(doc_stride=doc_stride), [], word_pieces(), 384)
    with pytest.raises(TaskError, match="max_length=4: the special tokens alone take 3; expected 5 or more"):
        encode(QuestionAnswering(), [], word_pieces(), 4)


V2 = QuestionAnswering(version_2_with_negative=True)
ASKED = [
    QuestionExample("a", "b c d", (Span("c", 2),), id="yes"),
    QuestionExample("a", "b c d", (), id="none"),
    QuestionExample("a", "e f g", (Span("f g", 2), Span("g", 4)), id="two"),
]


def network_with(null: float, start: float, end: float) -> Callable[[Batch], Any]:
    """Points to the second token of the context, with these logits."""

    def network(batch: Batch) -> Any:
        logits = torch.zeros(2, 1, batch.inputs["input_ids"].shape[1])
        context = int(np.flatnonzero(batch.features[0].offsets[:, 0] >= 0)[0])
        logits[:, 0, 0] = null / 2
        logits[0, 0, context + 1], logits[1, 0, context + 1] = start, end
        return outputs(batch, logits[0], logits[1])

    return network


def predictions(*nulls: float) -> list[AnswerPrediction]:
    found = []
    for i, null in enumerate(nulls):
        [one] = decode(V2, [ASKED[i]], encode(V2, [ASKED[i]], word_pieces(), 30), network_with(null, 3.0, 3.0))
        found.append(replace(one, example=i))
    return found


def test_no_answer_is_said_above_the_threshold() -> None:
    said = predictions(5.0, 7.0, 7.5)
    assert [one.null_score_diff for one in said] == pytest.approx([-1.0, 1.0, 1.5])
    assert [one.predicted for one in said] == ["c", "", ""]
    tuned = V2.calibrated(ASKED, said)
    assert isinstance(tuned, QuestionAnswering)
    # Saying "none" to the second alone would be best, but the third is less sure of its answer: none of both is.
    assert tuned.null_score_diff_threshold == pytest.approx(-1.0) or tuned.null_score_diff_threshold == 1.5
    again = tuned.decided(said)
    assert V2.score(ASKED, again)["f1"] >= V2.score(ASKED, said)["f1"]
    assert QuestionAnswering().calibrated(ASKED, said) == QuestionAnswering()  # 1.1 knows no threshold


def test_always_none_is_a_threshold_that_json_holds() -> None:
    said = predictions(5.0, 5.0)
    nothing = [replace(ASKED[0], answers=()), ASKED[1]]
    tuned = V2.calibrated(nothing, said)
    assert isinstance(tuned, QuestionAnswering)
    assert json.loads(json.dumps(tuned.null_score_diff_threshold)) < min(one.null_score_diff for one in said)
    assert [one.predicted for one in tuned.decided(said)] == ["", ""]


def test_probabilities_are_those_of_the_old_pipeline_in_one_window() -> None:
    """Softmax of the starts over the context, and over "no answer" where that is possible, times that of the ends."""
    [asked] = ASKED[:1]
    for task, places in ((QuestionAnswering(), 3), (V2, 4)):
        [found] = decode(task, [asked], encode(task, [asked], word_pieces(), 30), network_with(0.0, 3.0, 2.0))
        start, end = (exp(best) / (exp(best) + places - 1) for best in (3.0, 2.0))
        assert found.scores == pytest.approx((start * end,))
        every = [*found.n_best, *([found.null] if task is V2 else [])]
        assert sum(one.probability for one in every) <= 1.0


def test_what_stands_in_two_windows_counts_once() -> None:
    asked = QuestionExample("ab", " ".join("abcdefgh" * 3), (Span("e", 8),))
    task = QuestionAnswering(doc_stride=8)
    encoded = encode(task, [asked], word_pieces(), 20)
    assert len(encoded.features) > 1
    [found] = decode(task, [asked], encoded, lambda batch: outputs(batch, *torch.zeros(2, 1, len(batch.features[0]))))
    assert len({(one.start, one.end) for one in found.n_best}) == len(found.n_best) == 20


def test_files_have_the_form_of_the_stock_example() -> None:
    said = predictions(5.0, 7.0, 7.5)
    files = V2.files(ASKED, said)
    assert files["predictions"] == {"yes": "c", "none": "", "two": ""}
    assert files["null_odds"] == pytest.approx({"yes": -1.0, "none": 1.0, "two": 1.5})
    for name, ranked in files["nbest_predictions"].items():
        assert ranked[0].keys() == {"text", "probability", "score", "start_logit", "end_logit"}
        assert sum(one["probability"] for one in ranked) == pytest.approx(1.0)
        assert [one["score"] for one in ranked] == sorted((one["score"] for one in ranked), reverse=True)
        assert [one["text"] for one in ranked].count("") == 1, name
    assert "null_odds" not in QuestionAnswering().files(ASKED[:1], said[:1])


def test_lines_of_predictions_say_where_the_answer_stands() -> None:
    [one, none, _] = predictions(5.0, 7.0, 7.5)
    line = one.as_json(V2.gold(ASKED[0]))
    assert line["gold"] == ["c"] and line["predicted"] == "c" and (line["start"], line["end"]) == (2, 3)
    compared = V2.comparable(line)
    assert compared is not None and (compared.gold, compared.predicted) == ("c", "c")
    other = V2.comparable(none.as_json(()))
    assert other is not None and (other.gold, other.predicted) == ("(no answer)", "(no answer)")


def test_what_is_right_does_not_depend_on_who_answers() -> None:
    """Of several references one stands for all: two runs that give another one each can be compared."""
    compared = [
        V2.comparable({"gold": ["the Sea", "a lake"], "predicted": said, "scores": [0.5]})
        for said in ("Lake!", "sea", "river", "")
    ]
    assert [(one.gold, one.predicted) for one in compared if one is not None] == [
        ("the Sea", "the Sea"),
        ("the Sea", "the Sea"),
        ("the Sea", "river"),
        ("the Sea", "(no answer)"),
    ]


def test_scores_by_kind_of_question() -> None:
    said = predictions(5.0, 7.0, 7.5)
    assert V2.score(ASKED, said) == {"exact_match": pytest.approx(2 / 3), "f1": pytest.approx(2 / 3)}
    assert V2.breakdown(ASKED, said) == {
        "answerable": {"exact_match": 0.5, "f1": 0.5, "support": 2},
        "unanswerable": {"exact_match": 1.0, "f1": 1.0, "support": 1},
    }
    assert V2.breakdown(ASKED[:1], said[:1]) == {}
    assert V2.settings_from(ASKED) == {"version_2_with_negative": True}
    assert V2.settings_from(ASKED[:1]) == {"version_2_with_negative": False}


def model_that(predict: Any) -> Any:
    """A model, as answering needs it."""
    return SimpleNamespace(predict_examples=predict, network=None, tokenizer=None)


def test_a_stride_that_a_long_question_leaves_no_room_for_is_told() -> None:
    asked = QuestionExample("a " * 12, "b " * 60, ())
    [note] = encode(QuestionAnswering(doc_stride=18), [asked], word_pieces(), 32).notes
    assert note.startswith("1 questions leave no more pieces of a window than --doc-stride 18")


@pytest.mark.parametrize(
    ("context", "last", "end"),
    [("cafe\u0301 noir", 4, 5), ("cafe\u0301", 4, 5), ("K\u1ecd\u0301.", 2, 3), ("a b", 1, 1), ("\u2764\ufe0f!", 1, 2)],
)
def test_marks_belong_to_the_last_letter_of_an_answer(context: str, last: int, end: int) -> None:
    """Tokenizers that drop accents leave them out of their offsets."""
    assert _with_marks(context, last) == end


def test_vowel_signs_that_a_tokenizer_drops_come_back(family_folder: Callable[..., str]) -> None:
    context, answer = "नमस्ते दुनिया कहता है राम।", "दुनिया"
    asked = QuestionExample("a", context, (Span(answer, context.index(answer)),))
    encoded = encode(QuestionAnswering(), [asked], load_tokenizer(family_folder("albert")), 40)
    [found] = decode(QuestionAnswering(), [asked], encoded, perfect)
    assert found.predicted == answer


@pytest.mark.parametrize(("null_score", "entries"), [(9.0, 3), (4.5, 3), (0.0, 4)])
def test_no_answer_is_among_the_n_best_or_behind_them(null_score: float, entries: int) -> None:
    def candidate(text: str, score: float) -> Candidate:
        return Candidate(text, 0, len(text), score, score / 2, score / 2, 0.1)

    best = tuple(candidate(text, score) for text, score in (("a", 5.0), ("b", 4.0), ("c", 3.0)))
    one = AnswerPrediction(0, "a", (0.1,), 0, 1, null_score - 5.0, candidate("", null_score), best)
    listed = answer_files({"q": one}, null_is_one=True)["nbest_predictions"]["q"]
    assert len(listed) == entries and "" in [entry["text"] for entry in listed]
    assert [entry["score"] for entry in listed] == sorted((entry["score"] for entry in listed), reverse=True)


def test_answers_as_the_old_pipeline_gave_them() -> None:
    seen: list[Any] = []

    def predict(examples: Sequence[Any]) -> list[Prediction]:
        seen.extend(examples)
        lowered = [replace(one, context=one.context.lower()) for one in examples]
        return list(
            decode(
                V2,
                lowered,
                encode(replace(V2), [replace(one, answers=()) for one in lowered], word_pieces(), 30),
                network_with(7.0, 3.0, 3.0),
            )
        )

    given = {"question": "a", "context": "B C D"}
    assert V2.answers([given], model_that(predict)) == [
        {"answer": "", "score": pytest.approx(0.0, abs=1), "start": 0, "end": 0}
    ]
    [found] = V2.answers([("a", "B C D")], model_that(predict), handle_impossible_answer=False)
    assert (found["answer"], found["start"], found["end"]) == ("C", 2, 3)
    assert found.keys() == {"answer", "score", "start", "end"}
    [ranked] = V2.answers([given], model_that(predict), top_k=3)
    assert [one["answer"] for one in ranked][:2] == ["", "C"] and len(ranked) == 3
    with pytest.raises(TaskError, match=r'expected \{"question": ..., "context": ...\}'):
        V2.answers(["a text"], model_that(predict))


@pytest.mark.parametrize(
    ("question", "context", "said"),
    [("who", "", "context ''"), ("who", " \n", "context ' \\\\n'"), ("", "a", "question ''"), ("\t", "", "question")],
)
def test_what_is_blank_is_not_asked(question: str, context: str, said: str) -> None:
    with pytest.raises(TaskError, match=f"{said}.*: is empty; expected "):
        V2.answers([("who", "a b"), (question, context)], model_that(lambda examples: []))
