"""Questions: answers stand where they say, are moved where that is sure, and nothing is dropped silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.data.findings import DataError, Finding
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.data.questions import Questions
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.readers import READERS
from unfreeze.data.sources import DataRequest, load_corpus, read_examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(lambda text: text.strip())
CONTEXT = "🌊 Łódź lies in Poland; e\u0301tude. Łódź again."


def squad(*questions: dict[str, Any], context: str = CONTEXT) -> str:
    return json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(questions)}]}]})


def question(name: str = "q", **rest: Any) -> dict[str, Any]:
    return {"id": name, "question": "Where?", **rest}


def answer(text: str, start: int) -> dict[str, Any]:
    return {"text": text, "answer_start": start}


def read(tmp_path: Path, content: str, **options: Any) -> tuple[list[QuestionExample], list[Finding]]:
    (tmp_path / "data.json").write_text(content, encoding="utf-8")
    findings: list[Finding] = []
    return read_examples(tmp_path / "data.json", labelled=True, say=findings.append, **options), findings  # type: ignore[return-value]


@given(context=TEXT, cut=st.tuples(st.integers(0, 39), st.integers(1, 40)), text=TEXT)
def test_every_span_of_a_context_is_read_as_it_stands(context: str, cut: tuple[int, int], text: str) -> None:
    start, size = cut[0] % len(context), cut[1]
    span = context[start : start + size]
    questions = Questions("file", ReadSettings(), lambda finding: None)
    questions.add({"id": 1, "question": text, "answers": [answer(span, start)]}, context)
    if not span.strip():
        with pytest.raises(DataError, match="an answer is empty"):
            questions.finish()
        return
    [example] = questions.finish()
    assert example.answers == (Span(span, start),) and example.question == text and example.context == context
    lowered = example.lower_cased()  # no character moves
    assert len(lowered.context) == len(context) and lowered.answers[0].end == example.answers[0].end


def test_an_offset_that_is_off_is_mended_only_where_the_answer_stands_once(tmp_path: Path) -> None:
    [example], findings = read(tmp_path, squad(question(answers=[answer("Poland", 3)])))
    assert example.answers == (Span("Poland", CONTEXT.index("Poland")),)
    assert any("moved (q)" in str(finding) and "UTF-16" in str(finding) for finding in findings)
    with pytest.raises(DataError, match="occurs 2 times, but not there"):
        read(tmp_path, squad(question(answers=[answer("Łódź", 3)])))


def test_all_faults_of_a_file_at_once(tmp_path: Path) -> None:
    faulty = [
        question("a"),
        question("a", answers=[]),
        question("b", answers=[answer("Rome", 0)]),
        question("c", answers=["Poland"]),
        question("d", answers=[answer("Poland", 16)], is_impossible=True),
        {"id": "e", "answers": []},
        question("f", answers=[answer(" ", 1)]),
    ]
    with pytest.raises(DataError) as raised:
        read(tmp_path, squad(*faulty))
    said = [str(finding).partition("data.json:1: ")[2] for finding in raised.value.errors]
    assert [one.split(":")[0].split(" is used")[0] for one in said] == ["a", "the id 'a'", "b", "c", "d", "e", "f"]


def test_questions_without_answers_are_left_out_where_asked(tmp_path: Path) -> None:
    given = [
        question("a", answers=[answer("Poland", 16)]),
        {"id": "b", "question": "who?"},
        question("c", is_impossible=True, answers=[]),
    ]
    content = squad(*given)
    file, findings = tmp_path / "data.json", list[Finding]()
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"b: has no answers.*--drop-missing-labels leaves such questions out"):
        READERS["squad"](file)
    examples = READERS["squad"](file, ReadSettings(drop_missing_labels=True), findings.append)
    assert [one.id for one in examples if isinstance(one, QuestionExample)] == ["a", "c"]
    assert any("1 questions have no answers (b); dropped" in str(finding) for finding in findings)


def test_tables_of_lists_and_objects_say_the_same() -> None:
    start = CONTEXT.index("Poland")
    found = []
    for answers in ([answer("Poland", start)], {"text": ["Poland"], "answer_start": [start]}):
        questions = Questions("file", ReadSettings(), lambda finding: None)
        questions.add(question(answers=answers), CONTEXT)
        found += questions.finish()
    assert found[0] == found[1]


def test_what_has_no_answer(tmp_path: Path) -> None:
    examples, _ = read(tmp_path, squad(question("a", answers=[], plausible_answers=[answer("Poland", 16)]),
                                       question("b", is_impossible=True)))  # fmt: skip
    assert [example.answers for example in examples] == [(), ()]


def test_questions_about_one_context_stay_together(tmp_path: Path) -> None:
    paragraphs = [
        {"context": f"Number {i} is here.", "qas": [
            {"id": f"{i}-{j}", "question": f"Which? {j}", "answers": [answer(str(i), 7)]} for j in range(3)
        ]}
        for i in range(10, 40)
    ]  # fmt: skip
    (tmp_path / "data.json").write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))
    corpus = load_corpus(DataRequest(data=str(tmp_path / "data.json")))
    parts = [corpus.train, corpus.validation, corpus.tests["test"]]
    contexts = [{example.shown.partition("Number")[2] for example in part} for part in parts]
    assert sum(map(len, contexts)) == len(set.union(*contexts)) == 30 and all(contexts)
    assert corpus.task == "question-answering" and sum(map(len, parts)) == 90


@pytest.mark.parametrize(
    "content", ['{"data": 3}', '{"data": [{"paragraphs": {}}]}', '{"data": [{"paragraphs": [{}]}]}']
)
def test_json_of_another_shape(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="is missing or no list"):
        read(tmp_path, content, format="squad")


@pytest.mark.parametrize(
    "content", ['{"data": []}', '{"version": "v2.0",\n "data": [ ]}', '{"data": [{"paragraphs": []}]}']
)
def test_a_file_without_questions_is_empty(tmp_path: Path, content: str) -> None:
    for task in (None, "question-answering"):
        with pytest.raises(DataError, match="this SQuAD file is empty: there are no questions in it"):
            read(tmp_path, content, task=task)
