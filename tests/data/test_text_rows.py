"""Pairs, several labels, numbers and questions out of tables: inferred where that is sure, and said aloud."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from unfreeze.data.examples import MultiLabelExample, NumberExample, TextExample
from unfreeze.data.findings import DataError
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.readers import READERS
from unfreeze.data.sources import DataRequest, load_corpus, read_examples


def lines(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return file


def csv(folder: Path, text: str) -> Path:
    file = folder / "rows.csv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("one", "two"),
    [("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("question", "sentence")],
)
def test_pairs_are_found_by_the_names_of_their_columns(tmp_path: Path, one: str, two: str) -> None:
    said: list[Any] = []
    [found] = read_examples(lines(tmp_path, {one: "a", two: "b", "label": "yes"}), labelled=True, say=said.append)
    assert isinstance(found, TextExample) and found.parts == ("a", "b") and found.label == "yes"
    assert any(f"pairs of texts are read from the columns '{one}' and '{two}'" in str(one_said) for one_said in said)


def test_pairs_are_what_the_columns_named_say(tmp_path: Path) -> None:
    file = lines(tmp_path, {"sentence1": "a", "sentence2": "b", "note": "n", "label": "yes"})
    [single] = read_examples(file, text_column="sentence1", labelled=True)
    assert single.parts == ("a",)
    [pair] = read_examples(file, text_column="sentence1", text_pair_column="note", labelled=True)
    assert pair.parts == ("a", "n")
    with pytest.raises(DataError, match=r"no column 'other'.*--text-pair-column"):
        read_examples(file, text_column="sentence1", text_pair_column="other", labelled=True)


@pytest.mark.parametrize(
    ("row", "pair"),
    [({"title": "t", "body": "b", "label": "x"}, "body"), ({"question": "t", "text": "b", "label": "x"}, "text")],
)
def test_a_column_is_not_read_as_both_texts(tmp_path: Path, row: dict[str, str], pair: str) -> None:
    [found] = read_examples(lines(tmp_path, row), text_pair_column=pair, labelled=True)
    assert found.parts == ("t", "b") and found.labels == ("x",)


def test_several_labels_of_a_text_in_memory() -> None:
    pairs = [(f"some text {i}", ("a", "b") if i % 2 else ["a"]) for i in range(30)]
    corpus = load_corpus(DataRequest(data={"train": pairs[:20], "validation": pairs[20:]}, task="multi-label"))
    assert corpus.task == "multi-label" and corpus.train[1].labels == ("a", "b")


def test_rows_without_tags_are_left_out_where_asked(tmp_path: Path) -> None:
    file = lines(tmp_path, {"tokens": ["a"], "tags": ["X"]}, {"tokens": ["b"], "tags": None})
    settings, said = ReadSettings(task="tagging"), list[Any]()
    with pytest.raises(DataError, match=r"rows.jsonl:2: 'tags' is missing.*--drop-missing-labels"):
        READERS["jsonl"](file, settings)
    [kept] = READERS["jsonl"](file, replace(settings, drop_missing_labels=True), said.append)
    assert kept.labels == ("X",) and any("dropped, as asked" in str(one) for one in said)
    assert len(READERS["jsonl"](file, replace(settings, labelled=False))) == 2


def test_pairs_are_duplicates_as_pairs_and_lower_cased_as_pairs(tmp_path: Path) -> None:
    rows = [{"sentence1": f"A{i // 2}", "sentence2": f"B{i % 2}", "label": "xy"[i % 2]} for i in range(40)]
    corpus = load_corpus(DataRequest(data=str(lines(tmp_path, *rows)), lower_case=True))
    assert not [one for one in corpus.findings if one.code == "duplicates"]
    assert all(part.islower() for example in corpus.train for part in example.parts)


def test_lists_of_labels_are_several_labels(tmp_path: Path) -> None:
    file = lines(
        tmp_path, {"text": "a", "labels": ["joy", "love"]}, {"text": "b", "labels": []}, {"text": "c", "labels": [3]}
    )
    said: list[Any] = []
    found = read_examples(file, labelled=True, say=said.append)
    assert [one.names for one in found if isinstance(one, MultiLabelExample)] == [("joy", "love"), (), ("3",)]
    assert any("the task is multi-label" in str(one) for one in said)


@pytest.mark.parametrize(("separator", "cell"), [(None, '"joy, love"'), ("|", "joy|love"), ("+", "joy + love")])
def test_labels_in_one_cell(tmp_path: Path, separator: str | None, cell: str) -> None:
    file = csv(tmp_path, f"text,label\na,{cell}\nb,\n")
    found = read_examples(file, task="multi-label", label_separator=separator, labelled=True)
    assert [one.labels for one in found] == [("joy", "love"), ()]
    assert all(one.is_labelled for one in found)


def test_a_column_for_each_label(tmp_path: Path) -> None:
    file = csv(tmp_path, "text,toxic,threat,note\na,1,0,x\nb,0,0,y\nc,True,yes,z\n")
    found = read_examples(file, task="multi-label", label_column="toxic,threat", labelled=True)
    assert [one.labels for one in found] == [("toxic",), (), ("toxic", "threat")]
    with pytest.raises(DataError, match=r":2: .*'note' holds 'x', expected 1 or 0"):
        read_examples(file, task="multi-label", label_column="toxic,note", labelled=True)


def test_text_and_label_lines_serve_other_tasks_too(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("good film;4.5\nbad film;1\ngood film;nice, good\n", encoding="utf-8")
    found = read_examples(file, format="text_label", task="multi-label", labelled=True)
    assert [one.labels for one in found] == [("4.5",), ("1",), ("nice", "good")]
    with pytest.raises(DataError, match=r":3: the label 'nice, good' is not a number"):
        read_examples(file, format="text_label", task="regression", labelled=True)


def test_numbers(tmp_path: Path) -> None:
    rows = [{"text": f"t{i}", "score": i / 3} for i in range(40)]
    file = lines(tmp_path, *rows)
    with pytest.raises(DataError, match="predict the numbers with --task regression"):
        load_corpus(DataRequest(data=str(file)))
    corpus = load_corpus(DataRequest(data=str(file), task="regression"))
    assert corpus.task == "regression" and all(isinstance(one, NumberExample) for one in corpus.train)
    assert len(corpus.train) + len(corpus.validation) + len(corpus.tests["test"]) == 40
    other = load_corpus(
        DataRequest(data=str(lines(tmp_path, *rows[:-1], {"text": "t39", "score": 7})), task="regression")
    )
    assert other.sha256 != corpus.sha256


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_no_finite_number_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "train.txt"
    file.write_text(f"good film;{value}\nbad film;2\n", encoding="utf-8")
    with pytest.raises(DataError):
        read_examples(file, format="text_label", task="regression", labelled=True)


def test_questions_in_rows(tmp_path: Path) -> None:
    row = {"id": "q", "question": "Who?", "context": "Ada was.", "answers": {"text": ["Ada"], "answer_start": [0]}}
    none = {"id": "r", "question": "Who?", "context": "Ada was.", "answers": {"text": [], "answer_start": []}}
    found = read_examples(lines(tmp_path, row, none), labelled=True)
    assert [one.answers for one in found if isinstance(one, QuestionExample)] == [(Span("Ada", 0),), ()]
    with pytest.raises(DataError, match=r":1: .*'Ada' is not at character 5: it occurs|does not occur"):
        read_examples(lines(tmp_path, row | {"context": "Eve was, Eve."}), labelled=True)
    with pytest.raises(DataError, match="no column 'context'; columns found: id, question, answers"):
        rest = {key: value for key, value in row.items() if key != "context"}
        read_examples(lines(tmp_path, rest), task="question-answering", labelled=True)


def test_questions_and_pairs_in_memory() -> None:
    rows = [
        {
            "id": f"{i}",
            "question": "Who?",
            "context": f"Ada {i} was.",
            "answers": {"text": ["Ada"], "answer_start": [0]},
        }
        for i in range(30)
    ]
    corpus = load_corpus(DataRequest(data=datasets.Dataset.from_list(rows)))
    assert corpus.task == "question-answering" and len(corpus.tests["test"]) == 3
    pairs = [TextExample(f"a{i}", "xy"[i % 2], pair="b") for i in range(30)]
    assert load_corpus(DataRequest(data=pairs)).train[0].parts[1] == "b"
