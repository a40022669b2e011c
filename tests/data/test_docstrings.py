"""`sample:docstrings`: prose of installed libraries, without their names, split by module."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

import pytest

from unfreeze.data import docstrings
from unfreeze.data.docstrings import described, split_of_module
from unfreeze.data.examples import PassageExample, TextExample
from unfreeze.data.findings import DataError
from unfreeze.data.sources import DataRequest, load_corpus


@pytest.mark.parametrize(
    ("written", "summary"),
    [
        ("Return the mean of an array.\n\nParameters\n----------\na : array", "Return the mean of an array."),
        ("Like `numpy.sum`, but over NumPy's last axis.", "Like, but over last axis."),
        ("Return :class:`~pandas.Series` of the *given* np.ndarray.", "Return of the given."),
        ("See https://numpy.org/doc for more of this.", "See for more of this."),
        ("Args:\n    x: a number", None),
        ("Too short.", None),
        (">>> import numpy\n>>> numpy.sum(1)", None),
        ("A line of code follows here::\n\n    x = 1", None),
    ],
)
def test_prose_without_the_library(written: str, summary: str | None) -> None:
    found = described("numpy", "a.py", 1, written)
    assert (found and found.summary) == summary


def test_descriptions_have_all_paragraphs() -> None:
    written = "One sentence of prose. Another one.\n\nAnd more of it.\n\nReturns\n-------\nx"
    found = described("numpy", "a.py", 1, written)
    assert found is not None
    assert found.paragraphs == ("One sentence of prose. Another one.", "And more of it.")


@pytest.fixture
def two_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for library, what in (("aaa", "Function"), ("bbb", "Method")):
        folder = tmp_path / library
        folder.mkdir()
        for i in range(40):
            functions = [f'def f{j}():\n    """{what} {j} in file {i} of {library} here."""\n' for j in range(3)]
            (folder / f"m{i}.py").write_text("\n".join(functions), encoding="utf-8")
        (folder / "broken.py").write_text("def (", encoding="utf-8")
        (folder / "tests").mkdir()
        (folder / "tests" / "t.py").write_text(
            'def f():\n    """A test is no text of a library."""\n', encoding="utf-8"
        )
    monkeypatch.setattr(docstrings, "PACKAGES", MappingProxyType({"aaa": (), "bbb": (), "ccc": ()}))
    monkeypatch.setattr(docstrings, "_folder_of", lambda name: tmp_path / name if (tmp_path / name).is_dir() else None)
    docstrings._collected.cache_clear()
    return tmp_path


def test_a_corpus_is_made_of_what_is_installed(two_libraries: Path) -> None:
    corpus = load_corpus(DataRequest(data="sample:docstrings"))
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.tests["test"]}
    texts = [one.text for split in splits.values() for one in split if isinstance(one, TextExample)]
    assert len(texts) == len(set(texts)) == 240
    assert not any("aaa" in text or "bbb" in text or "test" in text for text in texts)
    for name, examples in splits.items():
        assert {split_of_module(str(one.origin).split("/")[1].split(":")[0]) for one in examples} == {name}
    assert any("not installed: ccc" in note for note in corpus.notes)
    docstrings._collected.cache_clear()
    assert load_corpus(DataRequest(data="sample:docstrings")).sha256 == corpus.sha256


def test_whole_descriptions_for_pretraining(two_libraries: Path) -> None:
    corpus = load_corpus(DataRequest(data="sample:docstrings", task="masked-lm"))
    assert all(isinstance(one, PassageExample) for one in corpus.train)
    with pytest.raises(DataError, match="for classification and pretraining, not tagging"):
        load_corpus(DataRequest(data="sample:docstrings", task="tagging"))


def test_one_library_is_too_few(two_libraries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstrings, "PACKAGES", MappingProxyType({"aaa": (), "ccc": ()}))
    docstrings._collected.cache_clear()
    with pytest.raises(DataError, match="there are too few"):
        load_corpus(DataRequest(data="sample:docstrings"))


@pytest.mark.slow
def test_the_real_libraries() -> None:
    docstrings._collected.cache_clear()
    corpus = load_corpus(DataRequest(data="sample:docstrings"))
    assert len(corpus.train) > 5000 and len(corpus.tests["test"]) > 500
    names = re.compile(r"\b(numpy|scipy|sklearn|scikit|pandas|torch|pytorch|transformers)\b", re.IGNORECASE)
    assert not [one for one in corpus.train if names.search(one.parts[0])]
    assert not [finding for finding in corpus.findings if finding.code in ("leak", "contradicting-labels")]
