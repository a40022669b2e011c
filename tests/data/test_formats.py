"""How the format of a file is told, and that a format is one entry of one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from unfreeze.data.examples import TextExample
from unfreeze.data.findings import DataError
from unfreeze.data.readers import FORMATS, Format
from unfreeze.data.sources import Corpus, DataRequest, load_corpus

PAIRS = [(f"text number {i}", "neg" if i % 2 else "pos") for i in range(20)]


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def size(corpus: Corpus) -> int:
    return len(corpus.train) + len(corpus.validation) + sum(map(len, corpus.tests.values()))


def refused(**request: object) -> str:
    with pytest.raises(DataError) as raised:
        load_corpus(DataRequest(**request))
    return str(raised.value)


def test_formats_that_cannot_be_told(tmp_path: Path) -> None:
    prose = write(tmp_path / "a.txt", "Some prose.\nMore of it, with words\n")
    assert "Pass --format with one of" in refused(train_file=str(prose))
    assert "unknown format 'xml'; known: parquet, squad, jsonl, csv" in refused(train_file=str(prose), format="xml")
    squad = write(tmp_path / "a.json", '{"data": [{"paragraphs": [{"qas": []}]}]}')
    assert "there are no questions" in refused(train_file=str(squad))
    assert "SQuAD files are not for tagging" in refused(train_file=str(squad), task="tagging")
    other = write(tmp_path / "b.json", '{"data": [{"texts": []}]}')
    assert "neither lines of objects nor an array" in refused(train_file=str(other))


def test_columns_named_for_a_format_without_names_are_said(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.txt", "".join(f"{text};{label}\n" for text, label in PAIRS))
    corpus = load_corpus(DataRequest(data=lines, text_column="t", label_column="l"))
    assert sum("is not used" in note for note in corpus.notes) == 2
    words = write(tmp_path / "a.conll", "a\tO\nb\tX\n\n" * 20)
    assert any(
        "--text-column t is not used" in note for note in load_corpus(DataRequest(data=words, text_column="t")).notes
    )


def test_a_format_is_one_entry_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_arrows(path: Path, settings: object = None, say: object = None) -> list[TextExample]:
        return [TextExample(*line.split(" -> ")) for line in path.read_text().splitlines()]

    arrows = Format(read_arrows, suffixes=(".arrows",), recognises=lambda head: " -> " in head.lines[0])
    monkeypatch.setitem(FORMATS, "arrows", arrows)
    content = "".join(f"{text}{' more' * (i % 5)} -> {label}\n" for i, (text, label) in enumerate(PAIRS))
    path = write(tmp_path / "reviews" / "train.arrows", content)
    assert size(load_corpus(DataRequest(data=tmp_path / "reviews"))) == 20
    assert size(load_corpus(DataRequest(train_file=str(path), format="arrows"))) == 20
    odd = write(tmp_path / "odd.data", content)
    assert any("format arrows, by its content" in note for note in load_corpus(DataRequest(data=odd)).notes)
    assert "does not exist" in refused(data="gone.arrows")
