"""What preparing says of inputs of which something does not reach the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unfreeze.data.sources import DataRequest, load_corpus
from unfreeze.experiments.prepare import choose_task, prepare, reading
from unfreeze.settings import read_settings

LONG = "the " * 40
SHORT = [("the day", "a"), ("the house", "b")] * 5
TAGGED = [(["the", "day"], ["DET", "NOUN"])] * 10


def question(text: str) -> dict[str, Any]:
    return {"question": text, "context": "we saw the day", "answers": {"text": ["day"], "answer_start": [11]}}


@pytest.mark.parametrize(
    ("rows", "long", "said"),
    [
        (SHORT, (LONG, "a"), "texts that do not fit into 24 tokens are cut, in 1 of 11 examples"),
        (TAGGED, (["the", "th" * 45], ["DET", "X"]), "words that do not fit into 24 tokens are cut, in 1 of 11 examples"),
        (
            [question("the day?")] * 10,
            question(LONG),
            "questions that do not fit into half of 24 tokens are cut, in 1 of 11 examples",
        ),
    ],
    ids=["texts", "words", "questions"],
)
def test_what_is_cut_is_told_with_its_share(
    family_folder: Callable[..., str], rows: list[Any], long: Any, said: str
) -> None:
    corpus = load_corpus(DataRequest(data={"train": [*rows, long], "validation": rows, "test": rows}))
    settings, _ = read_settings({"max_length": 24, "speedups": "off"})
    prepared = prepare(family_folder("bert"), corpus, choose_task(corpus, settings), settings, "cpu")
    told = [note for note in prepared.notes if " cut" in note]
    read = reading(prepared.train)
    share = 100 * read["truncated_tokens"] / (read["tokens"] + read["truncated_tokens"])
    assert told == [f"train: {said} ({share:.1f} % of all tokens); --max-length changes that"]
    assert read["truncated_examples"] == 1 and reading(prepared.validation)["truncated_tokens"] == 0
