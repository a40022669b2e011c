"""Readers: what is written in a format is read back, and what is wrong is said with its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unfreeze.data.examples import TaggedExample, TextExample
from unfreeze.data.findings import DataError, Finding
from unfreeze.data.infer import infer_format
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.readers import READERS

PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LABEL = st.sampled_from(["joy", "anger", "très bien", "none", "O"])


def cells(separators: str) -> st.SearchStrategy[str]:
    """Words that a format with these separators can hold."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters=separators), min_size=1, max_size=12)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def errors(format: str, path: Path, **options: object) -> str:
    with pytest.raises(DataError) as raised:
        READERS[format](path, ReadSettings(**options))
    return str(raised.value)


@PROPERTY
@given(
    rows=st.lists(st.tuples(ANY_TEXT, LABEL), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    zipped=st.booleans(),
)
def test_csv_gives_back_what_was_written(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, zipped: bool
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([("text", "label"), *rows])
    content = stream.getvalue().encode()
    path = write(tmp_path / "a.csv", gzip.compress(content) if zipped else content)
    read = READERS["csv"](path)
    assert [(example.text, example.label) for example in read] == rows


@PROPERTY
@given(place=st.integers(1, 40), rest=st.booleans())
def test_a_file_packed_in_parts_may_be_cut_anywhere(tmp_path: Path, place: int, rest: bool) -> None:
    """As bgzip writes them: a part may end inside a letter."""
    content = ("é;joy\nüñ;anger\n" * 3 + ("žluťoučký;joy\n" * 9_000 if rest else "")).encode()
    path = write(tmp_path / "parts.txt.gz", gzip.compress(content[:place]) + gzip.compress(content[place:]))
    assert infer_format(path) == "text_label"
    assert READERS["text_label"](path)[1].text == "üñ"


@PROPERTY
@given(rows=st.lists(st.tuples(ANY_TEXT, LABEL), min_size=1, max_size=5), ascii_only=st.booleans())
def test_json_lines_give_back_what_was_written(tmp_path: Path, rows: list[tuple[str, str]], ascii_only: bool) -> None:
    lines = (json.dumps({"text": text, "label": label}, ensure_ascii=ascii_only) for text, label in rows)
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    assert [(example.text, example.label) for example in READERS["jsonl"](path)] == rows


@PROPERTY
@given(rows=st.lists(st.tuples(ANY_TEXT, LABEL), min_size=1, max_size=5))
def test_parquet_gives_back_what_was_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"text": [row[0] for row in rows], "label": [row[1] for row in rows]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert [(example.text, example.label) for example in READERS["parquet"](tmp_path / "a.parquet")] == rows


@PROPERTY
@given(rows=st.lists(st.tuples(cells("\r\n"), LABEL), min_size=1, max_size=5), end=st.sampled_from(["\n", "\r\n"]))
def test_text_label_lines_give_back_what_was_written(tmp_path: Path, rows: list[tuple[str, str]], end: str) -> None:
    path = write(tmp_path / "a.txt", "\ufeff" + "".join(f"{text};{label}{end}" for text, label in rows))
    assert [(example.text, example.label) for example in READERS["text_label"](path)] == rows


sentences = st.lists(
    st.lists(
        st.tuples(
            cells("\t\r\n ").filter(lambda word: not word.startswith(("-DOCSTART-", "#", "\ufeff"))),
            st.sampled_from(["O", "B-PER", "I-PER"]),
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=4,
)


@PROPERTY
@given(
    written=sentences,
    separator=st.sampled_from(["\t", " ", "  "]),
    end=st.sampled_from(["\n", "\r\n"]),
    blank=st.sampled_from(["", " ", "\t"]),
    middle=st.sampled_from(["", "NN ", "NN I-NP "]),
)
def test_conll_gives_back_what_was_written(
    tmp_path: Path, written: list[list[tuple[str, str]]], separator: str, end: str, blank: str, middle: str
) -> None:
    lines = []
    for sentence in written:
        for word, tag in sentence:
            lines.append(separator.join([word, *middle.split(), tag]))
        lines.append(blank)
    path = write(tmp_path / "a.conll", end.join(lines))
    read = READERS["conll"](path)
    assert [list(zip(example.words, example.tags, strict=True)) for example in read] == written
    assert read[0].origin.line == 1


@PROPERTY
@given(written=sentences, final=st.sampled_from(["\n", ""]))
def test_conllu_gives_back_what_was_written(tmp_path: Path, written: list[list[tuple[str, str]]], final: str) -> None:
    lines = []
    for sentence in written:
        lines.append("# text = ...")
        lines.append("1-2\tx\t_\t_\t_\t_\t_\t_\t_\t_")
        for number, (word, tag) in enumerate(sentence, start=1):
            lines.append(f"{number}\t{word}\t_\tX\t{tag}\tCase=Nom|Gender=Fem\t0\troot\t_\t_")
        lines.append("8.1\tx\t_\tX\t_\t_\t_\t_\t_\t_")
        lines.append("")
    path = write(tmp_path / "a.conllu", "\n".join(lines) + final)
    read = READERS["conllu"](path, ReadSettings(tag_column="xpos"))
    assert [list(zip(example.words, example.tags, strict=True)) for example in read] == written
    genders = READERS["conllu"](path, ReadSettings(tag_column="feats:Gender"))
    assert {tag for example in genders for tag in example.tags} == {"Fem"}


@PROPERTY
@given(content=st.binary(max_size=200), format=st.sampled_from([name for name in READERS if name != "class_folders"]))
def test_arbitrary_bytes_are_read_or_refused_with_a_data_error(tmp_path: Path, content: bytes, format: str) -> None:
    path = write(tmp_path / "file", content)
    try:
        read = READERS[format](path, ReadSettings(labelled=format != "lines"))
    except DataError as error:
        assert str(error).isprintable() or "\n" in str(error)
    else:
        assert all(isinstance(example, (TextExample, TaggedExample)) for example in read)


def test_class_folders(tmp_path: Path) -> None:
    for label, text in (("neg", "bad\n"), ("pos", "good\u2028film\r\n")):
        (tmp_path / label).mkdir()
        write(tmp_path / label / "1.txt", text)
    write(tmp_path / "pos" / "2.txt.gz", gzip.compress(b"zipped"))
    write(tmp_path / "neg" / "2.txt", b"")
    (tmp_path / "unsup").mkdir()
    write(tmp_path / "unsup" / "1.txt", "x")
    read = READERS["class_folders"](tmp_path)
    found = [(example.text, example.label) for example in read]
    assert found == [("bad", "neg"), ("", "neg"), ("good\u2028film", "pos"), ("zipped", "pos")]


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("csv", "text,label\na,b,c\nd,e\nf\n", [":2: 3 columns, expected 2", ":4: 1 columns"]),
        ("csv", 'text,label\n"a ""b"" c,x\nd,y\n', [":2: a quote opens"]),
        ("csv", 'text,label\nok,x\n"a" b,x\n', [":3: the quotes of the row"]),
        ("csv", "good film,pos\nbad film,neg\n", ["columns found: good film, pos", "line of column names"]),
        ("jsonl", '{"text": "a", "label": "x"}\n[1]\n{"te\n', [":2: expected one JSON object", ":3: not valid JSON"]),
        (
            "jsonl",
            '{"text": "a", "label": "x", "label": "y"}\n',
            [":1: not valid JSON: the key 'label' is there twice"],
        ),
        ("jsonl", '{"tokens": ["a"], "tags": ["O", "O"]}\n', [":1: 1 words but 2 tags"]),
        ("jsonl", '{"tokens": ["a"], "tags": [null]}\n', [":1: a tag is missing"]),
        ("jsonl", '{"text": ["a"], "label": "x"}\n', ["not a list of tags"]),
        ("text_label", "good;joy\nbad\n\nx; \n", [":2: there is no semicolon", ":4: 1 of 3 rows have no label"]),
        ("conll", "a O\nb\n\nc X O\nd O\n", [":2: 1 columns, expected 2", ":4: 3 columns"]),
        ("conll", "a\nb\n", ["no tags"]),
        ("conll", "a\tO\n\tO\nc\tO", [":2: the word is empty"]),
        ("conllu", "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n3\tb\t_\tX\t_\t_\t_\t_\t_\t_\n\n", [":2: word 3 follows word 1"]),
        ("conllu", "2" * 5000 + "\ta\t_\tX\t_\t_\t_\t_\t_\t_\n\n", [":1: '2222", "is not a word number"]),
        ("lines", "a\n", ["no labels"]),
    ],
)
def test_faults_are_reported_with_their_lines(tmp_path: Path, format: str, content: str, message: list[str]) -> None:
    said = errors(format, write(tmp_path / "file", content))
    for part in message:
        assert part in said


def test_many_faults_are_counted(tmp_path: Path) -> None:
    said = errors("csv", write(tmp_path / "a.csv", "text,label\n" + "a,b,c\n" * 100))
    assert said.count("\n") == 20 and "80 more errors" in said


def test_unquoted_tsv_keeps_its_quotes(tmp_path: Path) -> None:
    said: list[Finding] = []
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"so she said\tpos\nplain\tneg\n')
    read = READERS["tsv"](path, ReadSettings(), said.append)
    assert [example.text for example in read] == ['"so she said', "plain"]
    assert any(finding.code == "quotes" for finding in said)


def test_a_field_may_be_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    read = READERS["csv"](write(tmp_path / "a.csv", f"text,label\n{'x' * 200_000},a\n"))
    assert len(read[0].text) == 200_000 and csv.field_size_limit() == limit


def test_encodings(tmp_path: Path) -> None:
    content = "text,label\ncafé,x\n"
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        path = write(tmp_path / "a.csv", content.encode(encoding))
        assert READERS["csv"](path)[0].text == "café"
    path = write(tmp_path / "a.csv", content.encode("latin-1"))
    assert READERS["csv"](path, ReadSettings(encoding="latin-1"))[0].text == "café"
    assert "unknown encoding" in errors("csv", path, encoding="klingon")
    assert "utf-16-le" in errors("csv", write(tmp_path / "b.csv", content.encode("utf-16-le")))


def test_parquet_label_names_of_datasets(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER"])),
        }
    )
    rows = {"tokens": [["a", "Ada"]], "ner_tags": [[0, 1]]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    assert READERS["parquet"](tmp_path / "a.parquet")[0].tags == ("O", "B-PER")


def test_unlabelled_files_are_read_for_prediction(tmp_path: Path) -> None:
    unlabelled = ReadSettings(labelled=False)
    read = {
        "csv": READERS["csv"](write(tmp_path / "a.csv", "id,tweet\n1,hello\n"), unlabelled),
        "jsonl": READERS["jsonl"](write(tmp_path / "a.jsonl", '{"text": "hello"}\n'), unlabelled),
        "lines": READERS["lines"](write(tmp_path / "a.txt", "hello\n\n"), unlabelled),
    }
    assert all([(e.text, e.label) for e in examples] == [("hello", None)] for examples in read.values())
    words = READERS["conll"](write(tmp_path / "a.conll", "a\nb\n\nc\n"), unlabelled)
    assert [(example.words, example.tags) for example in words] == [(("a", "b"), None), (("c",), None)]
    line = READERS["lines"](tmp_path / "a.txt", ReadSettings(labelled=False, task="tagging"))
    assert line[0].words == ("hello",)


def test_conll_tag_columns_and_comments(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "# id 1\na\tDET\tO\n#\tSYM\tO\n\n# id 2 x y\nb\tNOUN\tB-X\n")
    said: list[Finding] = []
    for column in (2, "2", -2):
        read = READERS["conll"](path, ReadSettings(tag_column=column), said.append)
        assert [example.tags for example in read] == [("DET", "SYM"), ("NOUN",)]
    assert any(finding.code == "comments" for finding in said)
    for column in (0, 1, 4, "upos"):
        assert "tag column" in errors("conll", path, tag_column=column)


def test_empty_conllu_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conllu", "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n\n")
    assert "'xpos' is empty for every word" in errors("conllu", path, tag_column="xpos")
    assert "no tag column 'ner'" in errors("conllu", path, tag_column="ner")
    assert READERS["conllu"](path, ReadSettings(tag_column="xpos", labelled=False))[0].tags is None
