"""Well-known sets load with the counts that ../shared/data/README.md gives, and without a false error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from unfreeze.data.sources import Corpus, DataRequest, load_corpus, read_examples

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data is not here")


def load(name: str) -> Corpus:
    return load_corpus(DataRequest(data=FOLDER / name))


def words(examples: tuple[object, ...]) -> int:
    return sum(len(example.words) for example in examples)


def test_emotion() -> None:
    corpus = load("emotion")
    assert [len(s) for s in (corpus.train, corpus.validation, corpus.tests["test"])] == [16_000, 2_000, 2_000]
    counts = Counter(example.label for example in corpus.train)
    assert counts == {"joy": 5362, "sadness": 4666, "anger": 2159, "fear": 1937, "love": 1304, "surprise": 572}
    said = "\n".join([*corpus.notes, *map(str, corpus.findings)])
    assert "31 of 16000 examples of train repeat" in said
    assert "5 of 2000 examples of validation are also in train" in said
    assert "11 of 2000 examples of test are also in train" in said
    assert "3 of 2000 examples of test are also in validation" in said


def test_conll2003() -> None:
    corpus = load("conll2003")
    assert corpus.tag_scheme == "iob2"
    test = corpus.tests["test"]
    assert (len(corpus.train), words(corpus.train)) == (14_041, 203_621)
    assert (len(corpus.validation), words(corpus.validation)) == (3_250, 51_362)
    assert (len(test), words(test)) == (3_453, 46_435)
    tags = Counter(tag for example in corpus.train for tag in example.tags)
    assert len(tags) == 9
    assert sum(count for tag, count in tags.items() if tag.startswith("B-")) == 23_499


def test_imdb_as_csv_and_as_folders() -> None:
    corpus = load("imdb")
    assert len(corpus.train) + len(corpus.validation) == 4_000
    assert Counter(example.label for example in corpus.validation) == {"neg": 200, "pos": 200}
    assert Counter(example.label for example in corpus.tests["test"]) == {"neg": 1000, "pos": 1000}
    folders = load("imdb/aclImdb")
    assert len(folders.train) + len(folders.validation) == 40 and len(folders.tests["test"]) == 40


@pytest.mark.parametrize(
    ("name", "sizes", "labels"),
    [
        ("ud_english_ewt", [(12_544, 204_577), (2_001, 25_147), (2_077, 25_094)], 17),
        ("ud_naija_nsc", [(7_279, 111_916), (990, 14_571), (972, 14_350)], 16),
    ],
)
def test_universal_dependencies(name: str, sizes: list[tuple[int, int]], labels: int) -> None:
    corpus = load(name)
    splits = (corpus.train, corpus.validation, corpus.tests["test"])
    assert [(len(split), words(split)) for split in splits] == sizes
    assert len({tag for example in corpus.train for tag in example.tags}) == labels
    assert corpus.tag_scheme == "plain"


@pytest.mark.parametrize(
    ("file", "sentences", "tokens"),
    [
        ("ud_hausa_northernautogramm/ha_northernautogramm-ud-test.conllu", 1_305, 15_424),
        ("ud_yoruba_ytb/yo_ytb-ud-test.conllu", 317, 8_243),
    ],
)
def test_test_only_treebanks(file: str, sentences: int, tokens: int) -> None:
    examples = read_examples(FOLDER / file, labelled=True)
    assert (len(examples), words(tuple(examples))) == (sentences, tokens)


def test_other_columns_of_a_treebank() -> None:
    file = FOLDER / "ud_english_ewt" / "en_ewt-ud-dev.conllu"
    number = read_examples(file, tag_column="feats:Number", labelled=True)
    assert {"Sing", "Plur", "_"} <= {tag for example in number for tag in example.tags}
    xpos = read_examples(file, tag_column="xpos", labelled=True)
    assert "NNP" in {tag for example in xpos for tag in example.tags}
