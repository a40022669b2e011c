"""The bundled samples: large enough, valid, free, and hard to solve by what the splits share."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from unfreeze.data.corpus import Corpus
from unfreeze.data.examples import TaggedExample, TextExample
from unfreeze.data.sources import DataRequest, load_corpus
from unfreeze.data.tag_schemes import recognise

FOLDER = Path(__file__).parents[2] / "src" / "unfreeze" / "data" / "samples"
SMALLEST = {"emotion": (900, 150, 450), "ner": (400, 80, 120), "pos": (400, 80, 120)}
UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"


@pytest.fixture(scope="module")
def samples() -> dict[str, Corpus]:
    return {name: load_corpus(DataRequest(data=f"sample:{name}")) for name in SMALLEST}


def splits(corpus: Corpus) -> dict[str, list[tuple[str, ...]]]:
    """Split to the words of each example, lower-cased, without punctuation."""
    found = {}
    for name, examples in {"train": corpus.train, "validation": corpus.validation, **corpus.tests}.items():
        texts = [e.text if isinstance(e, TextExample) else " ".join(e.words) for e in examples]
        found[name] = [tuple(re.findall(r"\w+(?:['’]\w+)*", text.lower())) for text in texts]
    return found


@pytest.mark.parametrize("name", SMALLEST)
def test_sizes(samples: dict[str, Corpus], name: str) -> None:
    found = {split: len(texts) for split, texts in splits(samples[name]).items()}
    assert list(found) == ["train", "validation", "test"]
    for size, smallest in zip(found.values(), SMALLEST[name], strict=True):
        assert size >= smallest
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| {name} \|.*$", readme, re.M)
    assert [int(cell) for cell in re.findall(r"\| (\d+) (?=\|)", row)] == list(found.values())


@pytest.mark.parametrize("name", SMALLEST)
def test_the_data_checks_have_nothing_to_say(samples: dict[str, Corpus], name: str) -> None:
    assert [str(finding) for finding in samples[name].findings] == []


def test_six_emotions_in_every_split(samples: dict[str, Corpus]) -> None:
    corpus = samples["emotion"]
    for examples in (corpus.train, corpus.validation, corpus.tests["test"]):
        counts = Counter(example.label for example in examples if isinstance(example, TextExample))
        assert set(counts) == {"sadness", "joy", "love", "anger", "fear", "surprise"}
        assert min(counts.values()) >= len(examples) / 20


def test_entities_are_iob2_of_four_types(samples: dict[str, Corpus]) -> None:
    assert samples["ner"].tag_scheme == "iob2"
    for examples in (samples["ner"].train, samples["ner"].validation, samples["ner"].tests["test"]):
        tags = [example.tags for example in examples if isinstance(example, TaggedExample) and example.tags]
        assert len(tags) == len(examples)
        for sentence in tags:
            for before, tag in zip(("O", *sentence), sentence, strict=False):
                assert tag == "O" or re.fullmatch(r"[BI]-(PER|ORG|LOC|MISC)", tag)
                assert not tag.startswith("I-") or before[2:] == tag[2:]
        assert recognise(tags) == "iob2"
        assert {tag[2:] for sentence in tags for tag in sentence} == {"", "PER", "ORG", "LOC", "MISC"}


def test_parts_of_speech_are_universal(samples: dict[str, Corpus]) -> None:
    assert samples["pos"].tag_scheme == "plain"
    seen = set()
    for examples in (samples["pos"].train, samples["pos"].validation, samples["pos"].tests["test"]):
        seen |= {tag for example in examples if isinstance(example, TaggedExample) for tag in example.tags or ()}
    assert seen <= set(UPOS.split()) and len(seen) >= 15


def test_ner_and_pos_hold_the_same_sentences_and_tags(samples: dict[str, Corpus]) -> None:
    for split in ("train", "validation", "test"):
        blocks = (FOLDER / "ner" / f"{split}.conll").read_text(encoding="utf-8").strip().split("\n\n")
        columns = [[line.split("\t") for line in block.splitlines()] for block in blocks]
        corpus = samples["pos"]
        examples = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}[split]
        assert [[line[0] for line in block] for block in columns] == [list(e.words) for e in examples]  # type: ignore[union-attr]
        assert [[line[1] for line in block] for block in columns] == [list(e.tags or ()) for e in examples]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["emotion", "ner"])
def test_no_phrase_is_used_again_and_again(samples: dict[str, Corpus], name: str) -> None:
    texts = [text for part in splits(samples[name]).values() for text in part]
    for n, most in ((5, 2), (3, 0.015 * len(texts))):
        counts = Counter(gram for text in texts for gram in {text[i : i + n] for i in range(len(text) - n + 1)})
        gram, count = counts.most_common(1)[0]
        assert count <= most, " ".join(gram)


@pytest.mark.parametrize("name", ["emotion", "ner"])
def test_no_near_duplicates(samples: dict[str, Corpus], name: str) -> None:
    """Across splits, and within them: sentences share at most half of their words."""
    texts = [text for part in splits(samples[name]).values() for text in part]
    for first, second in candidates(texts):
        one, other = set(texts[first]), set(texts[second])
        assert len(one & other) <= 0.5 * len(one | other), (texts[first], texts[second])


def candidates(texts: list[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
    """Pairs that could share half of their words: both then have a word among the rarest half of either's."""
    frequency = Counter(word for text in texts for word in set(text))
    holders: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        rarest = sorted(set(text), key=lambda word: (frequency[word], word))
        for word in rarest[: len(rarest) // 2 + 1]:
            holders[word].append(i)
    yield from {pair for group in holders.values() for pair in combinations(group, 2)}


def test_the_samples_are_in_the_public_domain() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "CC0 1.0" in readme and "https://creativecommons.org/publicdomain/zero/1.0/" in readme


def test_questions_and_answers() -> None:
    corpus = load_corpus(DataRequest(data="sample:qa"))
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.tests["test"]}
    assert [len(examples) for examples in splits.values()] == [522, 126, 219]
    contexts = {name: {one.context for one in examples} for name, examples in splits.items()}
    assert sum(map(len, contexts.values())) == len(set.union(*contexts.values())) >= 60
    for name, examples in splits.items():
        without = sum(one.answers == () for one in examples) / len(examples)
        assert 0.15 < without < 0.25
        assert all(one.origin for one in examples)
        several = sum(len(one.answers) > 1 for one in examples)
        assert several == 0 if name == "train" else several > 80
    marks = {mark for one in corpus.train for mark in ("\u0301", "\u200d", "\u00a0", "\u2013") if mark in one.context}
    assert len(marks) == 4  # what moves offsets elsewhere
