"""Faults of questions and their answers: in SQuAD files, where the id of the question is the place, and in tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from soak.planted import Fault, lines

Question = dict[str, Any]


def question(i: int, **changed: Any) -> Question:
    """A clean one with a context of its own: id, context, question, answers."""
    context = f"In the year {1900 + i} the river was crossed by a bridge of stone."
    answers = [{"text": f"{1900 + i}", "answer_start": 12}]
    return {"id": f"q{i}", "context": context, "question": f"When was bridge {i} made?", "answers": answers, **changed}


def squad(made: Sequence[Question]) -> bytes:
    """The file; a paragraph for each question, on a line of its own."""
    paragraphs = [
        json.dumps({"context": one["context"], "qas": [{key: value for key, value in one.items() if key != "context"}]})
        for one in made
    ]
    return ('{"version": "1.1", "data": [{"title": "t", "paragraphs": [' + ",\n".join(paragraphs) + "]}]}").encode()


def rows(made: Sequence[Question]) -> bytes:
    """JSON lines, as tables of the hub hold questions: an object of lists."""
    return lines(
        [
            {
                **one,
                "answers": {key: [answer[key] for answer in one["answers"]] for key in ("text", "answer_start")}
                if isinstance(one["answers"], list)
                else one["answers"],
            }
            for one in made
        ]
    )


NEWLINE = b"\n"
TRAIN, TEST = [question(i) for i in range(8)], [question(i) for i in range(100, 104)]
CLEAN = {"train.json": squad(TRAIN), "test.json": squad(TEST)}


def faults() -> list[Fault]:
    """All of them."""
    return [*_answers(), *_files(), *_splits()]


def _answers() -> Iterator[Fault]:
    def answer(text: object, start: object) -> dict[str, Any]:
        return {"answers": [{"text": text, "answer_start": start}]}

    twice = "The king met the king."
    emoji = "😀 In 1908 it was made."
    changes: list[tuple[str, dict[str, Any], str]] = [
        ("offset wrong", answer("1908", 15), "not at their offset"),
        ("offset counts UTF-16 units", {"context": emoji, **answer("1908", 6)}, "not at their offset"),
        ("offset counts bytes", {"context": emoji, **answer("1908", 8)}, "not at their offset"),
        ("offset behind the end", answer("1908", 10_000), "not at their offset"),
        ("answer not there", answer("nineteen", 12), "does not occur in its context"),
        ("answer in other case", answer("THE RIVER", 17), "does not occur in its context"),
        ("answer there twice, elsewhere", {"context": twice, **answer("king", 9)}, "occurs 2 times, but not there"),
        ("offset negative", {"context": twice, **answer("king", -1)}, "occurs 2 times, but not there"),
        ("answer empty", answer("", 3), "an answer is empty"),
        ("answer is a number", answer(1908, 12), "are not pairs of text and answer_start"),
        ("offset is a text", answer("1908", "12"), "are not pairs of text and answer_start"),
        ("context empty", {"context": " "}, "its context is empty"),
        ("question empty", {"question": ""}, "has no question"),
        ("answers null", {"answers": None}, "has no answers"),
        ("impossible, with answers", {"is_impossible": True}, "and yet has answers"),
        ("id twice", {"id": "q3"}, "the id 'q3' is used twice"),
    ]
    for name, changed, says in changes:
        made = [*TRAIN, question(8, **changed)]
        yield Fault(f"SQuAD: {name}", {**CLEAN, "train.json": squad(made)}, "train.json:9", says)
        if name not in ("answer is a number", "offset is a text"):
            yield Fault(f"table: {name}", {"train.jsonl": rows(made)}, "train.jsonl:9", says)
    uneven = {"text": ["1908"], "answer_start": [12, 13]}
    made = [*TRAIN, question(8, answers=uneven)]
    yield Fault("table: lists of other lengths", {"train.jsonl": rows(made)}, "train.jsonl:9", "are not pairs")


def _files() -> Iterator[Fault]:
    half = CLEAN["train.json"][: len(CLEAN["train.json"]) // 2]
    place = f"train.json:{1 + half.count(NEWLINE)}"
    yield Fault("SQuAD: cut off", {"train.json": half}, place, "not valid JSON")
    yield Fault("SQuAD: no questions", {"train.json": squad([])}, "train.json", "there are no questions")
    listed = b'{"data": {"paragraphs": []}}'
    yield Fault("SQuAD: another layout", {"train.json": listed}, "train.json", "data is missing or no list")
    lacking = lines([{key: value for key, value in one.items() if key != "context"} for one in TRAIN])
    options = {"task": "question-answering"}
    yield Fault("table: no contexts", {"train.jsonl": lacking}, "train.jsonl", "no column 'context'", options)
    impossible = [question(i, answers=[], is_impossible=True) for i in range(8)]
    says = "no question of the training data has an answer"
    yield Fault("table: no answers at all", {"train.jsonl": rows(impossible)}, "train.jsonl:1", says)


def _splits() -> Iterator[Fault]:
    def test(name: str, more: Question, says: str) -> Fault:
        files = {"train.jsonl": rows(TRAIN), "test.jsonl": rows([*TEST, more])}
        return Fault(f"table: {name}", files, "test.jsonl:5", says)

    yield test("question of training in test", question(3, id="x"), "is also in train")
    other = {"answers": [{"text": "the river", "answer_start": 17}]}
    yield test("the same with another answer", question(3, id="x", **other), "with another answer")
    yield test("context of training in test", question(3, id="x", question="Who made it?"), "asks other questions")
    unanswered = question(105, answers=[])
    yield test("first question without an answer in test", unanswered, "training has no questions without an answer")
    again = [*TRAIN, question(3, id="x", **other)]
    yield Fault("table: two answers", {"train.jsonl": rows(again)}, "train.jsonl:9", "has another answer")
