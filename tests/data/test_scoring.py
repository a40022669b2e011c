"""What is loaded to be scored: files without training data are read whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from unfreeze.data.findings import DataError
from unfreeze.data.sources import Corpus, DataRequest, load_for_scoring

PAIRS = [(f"text number {i}", "neg" if i % 2 else "pos") for i in range(20)]


def as_csv(start: int = 0) -> str:
    rows = (f"text number {i},{'neg' if i % 2 else 'pos'}\n" for i in range(start, start + 20))
    return "text,label\n" + "".join(rows)


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def sizes(corpus: Corpus) -> dict[str, int]:
    tests = {name: len(examples) for name, examples in corpus.tests.items()}
    return {"train": len(corpus.train), "validation": len(corpus.validation), **tests}


def test_files_to_score_are_read_whole(tmp_path: Path) -> None:
    for name in ("test.csv", "news.csv"):
        write(tmp_path / "only" / name, as_csv())
    first, other = str(tmp_path / "only" / "test.csv"), str(tmp_path / "only" / "news.csv")
    corpus = load_for_scoring(DataRequest(test_file=(first, f"news={other}")))
    assert sizes(corpus) == {"train": 0, "validation": 0, "test": 20, "news": 20}
    assert corpus.name == "test, news" and any(finding.code == "leak" for finding in corpus.findings)
    for data in (first, tmp_path / "only", PAIRS):
        assert sizes(load_for_scoring(DataRequest(data=data))) == {"train": 0, "validation": 0, "test": 20}
    for label in ("pos", "neg"):
        write(tmp_path / "classes" / label / "1.txt", label)
    assert sizes(load_for_scoring(DataRequest(data=tmp_path / "classes")))["test"] == 2
    write(tmp_path / "only" / "train.csv", as_csv(100))
    assert sizes(load_for_scoring(DataRequest(data=tmp_path / "only"))) == {"train": 18, "validation": 2, "test": 20}


def test_what_cannot_be_scored(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data is named"):
        load_for_scoring(DataRequest())
    with pytest.raises(DataError, match="rows have no label"):
        load_for_scoring(DataRequest(test_file=(str(write(tmp_path / "a.csv", "text,label\nx,\ny,a\n")),)))
