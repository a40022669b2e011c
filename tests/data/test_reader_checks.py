"""What readers themselves find odd in a file, with its line: repeated headers and ids, cut ends, foreign contents."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from unfreeze.data.findings import DataError, Finding
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.readers import READERS
from unfreeze.data.sources import DataRequest, load_corpus


def read(folder: Path, name: str, content: str | bytes) -> list[Finding]:
    """What is said, up to the errors."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said: list[Finding] = []
    try:
        READERS[path.suffix.removeprefix(".")](path, ReadSettings(), said.append)
    except DataError as error:
        said += error.findings
    return said


def told(said: list[Finding], code: str) -> tuple[str, int | None, str]:
    """Severity, line and message of the one finding of this kind."""
    [one] = [finding for finding in said if finding.code == code]
    return one.severity, one.line, one.message


def test_a_header_in_the_middle(tmp_path: Path) -> None:
    content = "text,label\ngood,pos\nbad,neg\ntext, label\nfine,pos\n"
    severity, line, _ = told(read(tmp_path, "a.csv", content), "repeated-header")
    assert (severity, line) == ("error", 4)


def test_ids_that_occur_twice(tmp_path: Path) -> None:
    content = "id,text,label\n7,good,pos\n8,bad,neg\n7,fine,pos\n,a,pos\n,b,neg\n"
    severity, line, message = told(read(tmp_path, "a.csv", content), "duplicate-id")
    assert (severity, line) == ("warning", 4) and "first '7' (also on line 2)" in message
    assert not [one for one in read(tmp_path, "b.csv", "id,text,label\n1,a,pos\n2,b,neg\n") if one.severity != "note"]


@pytest.mark.parametrize(
    ("content", "is_told"),
    [
        ("Ada B-PER\nsaw O\nshe O\n\nBob B-PER\nsaw O\nOslo B-L", True),
        ("Ada B-PER\nsaw O\nshe O\n\nBob B-PER\nsaw O\nOslo B-LOC\n", False),
        ("Ada B-PER\nsaw O\nshe O\n\nBob B-PER\nsaw O", False),
    ],
)
def test_columns_cut_off_within_a_tag(tmp_path: Path, content: str, is_told: bool) -> None:
    said = read(tmp_path, "a.conll", content)
    assert [(one.code, one.line) for one in said if one.severity == "warning"] == ([("cut-off", 7)] if is_told else [])


def sentence(*tags: str) -> str:
    rows = ["\t".join([str(i), "w", "w", tag, "_", "_", "0", "root", "_", "_"]) for i, tag in enumerate(tags, start=1)]
    return "".join(row + "\n" for row in rows) + "\n"


def test_tags_that_universal_dependencies_do_not_have(tmp_path: Path) -> None:
    said = read(tmp_path, "a.conllu", sentence("NOUN", "VERB") + sentence("NUON", "X"))
    severity, line, message = told(said, "unknown-upos")
    assert (severity, line) == ("warning", 4) and "'NUON'" in message
    assert told(read(tmp_path, "b.conllu", sentence("NOUN", "_")), "missing-tags")[1] == 1
    assert not [one for one in read(tmp_path, "c.conllu", sentence("NOUN", "X")) if one.severity != "note"]


def tar_of(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(gzip.compress(b"text,label\na,b\n", mtime=0), mtime=0), "a gzip archive inside a gzip archive"),
        (tar_of(b"text,label\na,b\n"), "a tar archive"),
        (gzip.compress(tar_of(b"text,label\na,b\n"), mtime=0), "a tar archive"),
        (b"\x80\x04\x95\x00", "a Python pickle, which is never opened"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
    ids=["gzip in gzip", "tar", "tar in gzip", "pickle", "numpy", "png"],
)
def test_contents_that_are_no_text(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in told(read(tmp_path, "a.csv", content), "not-text")[2]


def test_numbers_of_more_digits_than_are_read(tmp_path: Path) -> None:
    row = json.dumps({"text": "a", "label": "b"})
    path = tmp_path / "a.json"
    path.write_text(f'[{row}, {{"text": {"9" * 5000}, "label": "b"}}]')
    with pytest.raises(DataError, match="not valid JSON"):
        load_corpus(DataRequest(train_file=str(path)))


def test_places_of_labels_that_were_changed(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    rows = [f"text {i},{'pos' if i % 2 else 'neg'}" for i in range(10)]
    path.write_text("\n".join(["text,label", *rows, "more, pos", "most,neg "]) + "\n")
    corpus = load_corpus(DataRequest(train_file=str(path)))
    assert [(one.code, one.line) for one in corpus.findings] == [("label-blanks", 12)]


def test_marks_of_single_and_last_words(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    good = "Ada S-PER\nsaw O\nNew B-LOC\nYork E-LOC\n\n"
    path.write_text(good + "Bob B-PER\nsaw O\n\n" + good.replace("Ada", "Eve"))
    corpus = load_corpus(DataRequest(train_file=str(path)))
    [finding] = [one for one in corpus.findings if one.code == "invalid-transitions"]
    assert finding.line == 6 and "1 invalid BIOES marks in 1 sentences" in finding.message


def test_moved_answers_name_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    rows = [
        {"id": f"{i}", "question": f"Who is {i}?", "context": f"Number {i} is Ada.", "answers": {"text": ["Ada"]}}
        for i in range(4)
    ]
    for i, row in enumerate(rows):
        row["answers"]["answer_start"] = [row["context"].index("Ada") + (i == 2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = load_corpus(DataRequest(train_file=str(path)))
    [finding] = [one for one in corpus.findings if one.code == "moved-answers"]
    assert finding.line == 3 and "moved (2)" in finding.message
