"""How often labels occur, as a comparison tells it: by the rule of `unfreeze inspect --data`, and with all splits."""

from __future__ import annotations

from typing import Any

import pytest

from unfreeze.data.sources import Corpus, DataRequest, load_corpus, report
from unfreeze.experiments.distributions import label_distribution
from unfreeze.experiments.prepare import choose_task
from unfreeze.reports.data_words import label_counts
from unfreeze.settings import read_settings


def distribution(corpus: Corpus) -> dict[str, dict[str, int]]:
    settings, _ = read_settings({})
    return label_distribution(
        corpus.splits, choose_task(corpus, settings).labels(corpus.train).names, corpus.tag_scheme
    )


@pytest.mark.parametrize("sample", ["emotion", "ner", "pos", "qa"])
def test_a_comparison_counts_as_inspection_does(sample: str) -> None:
    corpus = load_corpus(DataRequest(data=f"sample:{sample}"))
    counted = {
        split: {label: number for label, number in one.items() if number} for split, one in distribution(corpus).items()
    }
    assert counted == label_counts(report(corpus))
    assert bool(counted) == (sample != "qa")


def test_entities_are_counted_by_type_and_without_o() -> None:
    tagged = [(["Ada", "Lovelace", "met", "Babbage"], ["B-PER", "I-PER", "O", "B-PER"]), (["Rome"], ["B-LOC"])] * 3
    corpus = load_corpus(DataRequest(data={"train": tagged, "validation": tagged[:1], "test": [(["no"], ["O"])]}))
    assert distribution(corpus) == {
        "train": {"LOC": 3, "PER": 6},
        "validation": {"LOC": 0, "PER": 2},
        "test": {"LOC": 0, "PER": 0},
    }


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (
            [(["we", "saw"], ["PRON", "VERB"])] * 5,
            [(["we", "#", "$", "oh"], ["PRON", "SYM", "SYM", "INTJ"])],
            {"PRON": 1, "VERB": 0, "SYM": 2, "INTJ": 1},
        ),
        (
            [(["Ada", "ran"], ["B-PER", "O"]), (["she", "ran"], ["O", "O"])] * 3,
            [(["Acme", "Ltd", "ran"], ["B-ORG", "I-ORG", "O"])],
            {"PER": 0, "ORG": 1},
        ),
        ([("good soup", "pos"), ("cold soup", "neg")] * 5, [("soup", "so-so")], {"neg": 0, "pos": 0, "so-so": 1}),
    ],
    ids=["tags", "entities", "texts"],
)
def test_labels_that_only_a_test_set_has_are_counted(train: Any, test: Any, expected: dict[str, int]) -> None:
    corpus = load_corpus(DataRequest(data={"train": train, "validation": train[:2], "news": test}))
    counted = distribution(corpus)
    assert counted["news"] == expected and list(counted["news"]) == list(expected)  # those of training first
    assert list(counted["train"]) == list(expected)
