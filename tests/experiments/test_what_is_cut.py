"""What is said of inputs of which something does not reach the network, or not at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unfreeze.data.sources import DataRequest, load_corpus
from unfreeze.experiments.prepare import choose_task, prepare, reading
from unfreeze.experiments.token_lengths import token_lengths
from unfreeze.models.load import load_tokenizer
from unfreeze.settings import read_settings
from unfreeze.tasks import TASKS, Classification

LONG = "the " * 40
SHORT = [("the day", "a"), ("the house", "b")] * 5
TAGGED = [(["the", "day"], ["DET", "NOUN"])] * 10


def question(text: str) -> dict[str, Any]:
    return {"question": text, "context": "we saw the day", "answers": {"text": ["day"], "answer_start": [11]}}


@pytest.mark.parametrize(
    ("rows", "long", "said"),
    [
        (SHORT, (LONG, "a"), "texts that do not fit into 24 tokens are cut, in 1 of 11 examples"),
        (
            TAGGED,
            (["the", "th" * 45], ["DET", "X"]),
            "words that do not fit into 24 tokens are cut, in 1 of 11 examples",
        ),
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


def test_a_task_says_whether_it_reads_windows(
    family_folder: Callable[..., str], make_examples_of: Callable[..., Any], task_name: str
) -> None:
    task, tokenizer = TASKS[task_name](), load_tokenizer(family_folder("bert"))
    examples = make_examples_of(task_name, 60)
    encoded = task.encode(examples, tokenizer, task.labels(examples), 9)
    several = len({window.example for window in encoded.features}) < len(encoded.features)
    # Made-up pairs of sentences are several windows of a passage, each with its own end cut.
    assert task.reads_windows == (several and "sentence" not in task_name)
    assert task.reads_windows or encoded.truncated_examples > 0


def test_what_becomes_of_long_texts_is_a_setting_and_written_down(family_folder: Callable[..., str]) -> None:
    assert not Classification(long_text="head_tail").reads_windows
    assert Classification(long_text="window_max").reads_windows
    corpus = load_corpus(DataRequest(data={"train": SHORT, "validation": SHORT, "test": SHORT}))
    for long_text, in_windows in (("truncate", False), ("window_mean", True)):
        settings, _ = read_settings({"max_length": 24, "speedups": "off", "long_text": long_text})
        lengths = token_lengths(family_folder("bert"), corpus, settings)["lengths"]
        assert (lengths["max_length"], lengths["in_windows"]) == (24, in_windows)
