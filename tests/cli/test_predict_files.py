"""`unfreeze predict --file`: tables, sentences, objects and lines give what the same inputs as arguments give."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

Cli = Callable[..., Any]
Model = Callable[..., str]
TEXTS = ("we saw anna, in lima", "a happy\nday", "", "tears; grief")


@pytest.fixture
def classifier(model: Model) -> str:
    return model("bert", "BertForSequenceClassification", num_labels=3)


def write_table(file: Path, header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])


def answers(called: Any) -> list[Any]:
    assert called.code == 0, called.err
    return [json.loads(line) for line in called.out.splitlines()]


def refused(called: Any) -> str:
    assert called.code == 2 and not called.out
    return str(called.err)


@pytest.mark.parametrize(("name", "delimiter"), [("new.csv", ","), ("new.tsv", "\t"), ("NEW.CSV", ";")])
def test_one_answer_for_each_row_of_a_table(
    unfreeze_cli: Cli, classifier: str, tmp_path: Path, name: str, delimiter: str
) -> None:
    """Labels that are there are not looked at, nor named; a comma or a line end in a text is part of it."""
    expected = answers(unfreeze_cli("predict", classifier, "--", *TEXTS))
    file = tmp_path / name
    write_table(file, ("id", "text", "label"), [(str(i), text, "") for i, text in enumerate(TEXTS)], delimiter)
    called = unfreeze_cli("predict", classifier, "--file", file)
    assert answers(called) == expected
    assert "texts are read from the column 'text'" in called.err and "label" not in called.err
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert answers(unfreeze_cli("predict", classifier, "--file", packed)) == expected


def test_columns_are_named(unfreeze_cli: Cli, classifier: str, tmp_path: Path) -> None:
    expected = answers(unfreeze_cli("predict", classifier, "--", *TEXTS))
    file = tmp_path / "new.csv"
    write_table(file, ("text", "said"), [("not this", text) for text in TEXTS])
    assert answers(unfreeze_cli("predict", classifier, "--file", file, "--text-column", "said")) == expected
    rows = tmp_path / "new.jsonl"
    rows.write_text("".join(json.dumps({"id": 1, "said": text}) + "\n" for text in TEXTS), encoding="utf-8")
    assert answers(unfreeze_cli("predict", classifier, "--file", rows, "--text-column", "said")) == expected
    array, parquet = tmp_path / "new.json", tmp_path / "new.parquet"
    array.write_text(json.dumps([{"id": 1, "text": text} for text in TEXTS]), encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.table({"text": TEXTS, "label": [[1], [2], [], [3]]}), parquet)
    for other in (array, parquet):
        assert answers(unfreeze_cli("predict", classifier, "--file", other)) == expected
    said = refused(unfreeze_cli("predict", classifier, "--file", file, "--text-column", "sad"))
    assert "new.csv: there is no column 'sad'; columns found: text, said. Check --text-column." in said
    for given in (("--file", tmp_path / "texts.txt"), ("a text",)):
        assert "--text-column: is for tables" in refused(
            unfreeze_cli("predict", classifier, *given, "--text-column", "said")
        )


def test_a_table_without_a_column_that_can_be_told_is_refused(
    unfreeze_cli: Cli, classifier: str, tmp_path: Path
) -> None:
    file = tmp_path / "new.csv"
    for content in ("The soup was cold.\nWe stayed.\n", "17,The soup was cold.\n18,We stayed.\n"):
        file.write_text(content, encoding="utf-8")
        said = refused(unfreeze_cli("predict", classifier, "--file", file))
        assert "new.csv: no text column, such as text" in said
        assert "Name it with --text-column. If the first line is data, add a line of column names above it." in said
    file.write_text("text,label\nWe stayed, all of us,joy\n", encoding="utf-8")
    assert "new.csv:2: 3 columns, expected 2" in refused(unfreeze_cli("predict", classifier, "--file", file))
    assert "does not exist" in refused(unfreeze_cli("predict", classifier, "--file", tmp_path / "none.csv"))


def test_the_columns_of_training_are_taken(
    unfreeze_cli: Cli, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    train, output = tmp_path / "train.csv", tmp_path / "out"
    rows = [(f"{word} {i}", "no", label) for i in range(10) for word, label in (("happy", "joy"), ("tears", "sad"))]
    write_table(train, ("body", "text", "label"), rows)
    trained = unfreeze_cli(
        *("train", "--model", family_folder("bert"), "--data", train, "--text-column", "body", "--strategy", "head"),
        *("--epochs", 1, "--speedups", "off", "--no-plan", "--output", output),
    )
    assert trained.code == 0, trained.err
    new = tmp_path / "new.csv"
    write_table(new, ("text", "body"), [("no", "happy 3"), ("no", "tears 4")])
    called = unfreeze_cli("predict", output, "--file", new)
    assert answers(called) == answers(unfreeze_cli("predict", output, "happy 3", "tears 4"))
    assert f"as in {output.resolve() / 'settings.yaml'}: --text-column body" in called.err
    assert answers(unfreeze_cli("predict", output, "--file", new, "--text-column", "text")) == answers(
        unfreeze_cli("predict", output, "no", "no")
    )


def test_sentences_and_texts_for_a_tagger(unfreeze_cli: Cli, model: Model, tmp_path: Path) -> None:
    tagger = model("bert", "BertForTokenClassification", num_labels=3)
    expected = answers(unfreeze_cli("predict", tagger, "anna saw lima", "a house"))
    for name in ("new.conll", "new.tsv"):
        (tmp_path / name).write_text("anna\tB-PER\nsaw\tO\nlima\tO\n\na\tO\nhouse\tO\n", encoding="utf-8")
        assert answers(unfreeze_cli("predict", tagger, "--file", tmp_path / name)) == expected
    write_table(tmp_path / "new.csv", ("text",), [("anna saw lima",), ("a house",)])
    assert answers(unfreeze_cli("predict", tagger, "--file", tmp_path / "new.csv")) == expected


def test_pairs_and_questions(unfreeze_cli: Cli, model: Model, tmp_path: Path) -> None:
    pairs, file = model("bert", "BertForNextSentencePrediction"), tmp_path / "new.csv"
    expected = answers(unfreeze_cli("predict", pairs, "we saw anna", "--text-pair", "a day", "--task", "nsp"))
    write_table(file, ("sentence1", "sentence2"), [("we saw anna", "a day")])
    assert answers(unfreeze_cli("predict", pairs, "--file", file, "--task", "nsp")) == expected
    asks, context = model("bert", "BertForQuestionAnswering"), "we saw anna in lima"
    expected = answers(unfreeze_cli("predict", asks, "the house", "--context", context))
    write_table(file, ("question", "context"), [("the house", context)])
    assert answers(unfreeze_cli("predict", asks, "--file", file)) == expected
    columns = ("--text-column", "question", "--text-pair-column", "context")
    both = unfreeze_cli("predict", pairs, "--file", file, *columns, "--text-pair", "a day", "--task", "nsp")
    assert "new.csv:2: --text-pair: " in refused(both) and "has its own" in both.err
    write_table(file, ("question",), [("the house",)])
    assert answers(unfreeze_cli("predict", asks, "--file", file, "--context", context)) == expected
    squad = {"data": [{"paragraphs": [{"context": context, "qas": [{"id": "1", "question": "the house"}]}]}]}
    (tmp_path / "new.json").write_text(json.dumps(squad), encoding="utf-8")
    assert answers(unfreeze_cli("predict", asks, "--file", tmp_path / "new.json")) == expected
    assert "no column 'context'; columns found: question" in refused(unfreeze_cli("predict", asks, "--file", file))


def test_a_faulty_row_is_named_by_file_and_line(unfreeze_cli: Cli, model: Model, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    write_table(file, ("text",), [("we [MASK]",), ("we saw",)])
    said = refused(unfreeze_cli("predict", model("bert", "BertForMaskedLM"), "--file", file))
    assert f"error: --file {file}:3: 'we saw'" in said


def test_lines_and_objects_may_be_gzipped(unfreeze_cli: Cli, classifier: str, tmp_path: Path) -> None:
    """Any other ending is lines of text, blank ones too."""
    texts = ("we saw anna", "", "text,label")
    expected = answers(unfreeze_cli("predict", classifier, "--", *texts))
    lines, objects = ("".join(f"{one}\n" for one in some) for some in (texts, map(json.dumps, texts)))
    for name, content in (("new.txt", lines), ("new.dat", lines), ("new", lines), ("new.jsonl", objects)):
        (tmp_path / name).write_text(content, encoding="utf-8")
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
        for file in (tmp_path / name, tmp_path / f"{name}.gz"):
            assert answers(unfreeze_cli("predict", classifier, "--file", file)) == expected
    packed = gzip.compress(b"a text of some length, and some more of it\n" * 99)
    for content in (b"no gzip", packed[: len(packed) // 2], packed[:20] + b"\0\0\0\0" + packed[24:]):
        (tmp_path / "broken.gz").write_bytes(content)
        said = refused(unfreeze_cli("predict", classifier, "--file", tmp_path / "broken.gz"))
        assert "broken.gz: the gzip file is damaged or cut off" in said


def test_encodings(unfreeze_cli: Cli, classifier: str, tmp_path: Path) -> None:
    text = "a day in São Paulo"
    expected = answers(unfreeze_cli("predict", classifier, text))
    for name, content in (("new.csv", f"text\n{text}\n"), ("new.txt", f"{text}\n")):
        (tmp_path / name).write_bytes(content.encode("latin-1"))
        given = ("predict", classifier, "--file", tmp_path / name)
        assert "e.g. --encoding latin-1" in refused(unfreeze_cli(*given))
        assert answers(unfreeze_cli(*given, "--encoding", "latin-1")) == expected
        assert "latin-1, cp1252" in refused(unfreeze_cli(*given, "--encoding", "latin-99"))
        refused(unfreeze_cli(*given, "--encoding", "utf-16"))
    assert "new.txt: is not UTF-16 (UTF-16 stream does not start with BOM)" in refused(
        unfreeze_cli("predict", classifier, "--file", tmp_path / "new.txt", "--encoding", "utf-16")
    )
    assert "--encoding: is for --file" in refused(unfreeze_cli("predict", classifier, text, "--encoding", "latin-1"))
