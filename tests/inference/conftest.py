"""Models trained for a moment and saved, one comparison for each family and task, made when first asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.examples import TaggedExample, TextExample
from unfreeze.experiments.compare import compare
from unfreeze.settings import read_settings
from unfreeze.storage.records import RunRecord, find_runs, read_record

SIZES = {"train": 32, "validation": 9, "test": 10}
TELLING = {"anger": ("rage", "furious"), "joy": ("happy", "smile"), "sadness": ("tears", "grief")}
FILLERS = ("the", "a", "we", "saw", "in", "with", "some", "day", "house", "unbelievable")
TAGGED = {"anna": "B-PER", "karl": "B-PER", "berlin": "B-LOC", "lima": "B-LOC"}


def examples(task: str, number: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    rows: list[Any] = []
    for i in range(number):
        label = list(TELLING)[i % 3]
        words = [*rng.choices(FILLERS, k=rng.randint(2, 9)), rng.choice(TELLING[label]), *rng.sample(list(TAGGED), k=2)]
        rng.shuffle(words)
        tags = [TAGGED.get(word, "O") for word in words]
        parts = ["NAME" if word in TAGGED else "VERB" if word == "saw" else "WORD" for word in words]
        rows.append({"classification": (" ".join(words), label), "tagging": (words, tags), "pos": (words, parts)}[task])
    return rows


@pytest.fixture(scope="session")
def test_examples() -> Callable[[str], list[Any]]:
    """`test_examples("tagging")`: the test split that the saved runs were scored on."""
    kinds = {"classification": TextExample, "tagging": TaggedExample, "pos": TaggedExample}
    return lambda task: [
        kinds[task](
            tuple(content) if isinstance(content, list) else content, label if isinstance(label, str) else tuple(label)
        )
        for content, label in examples(task, SIZES["test"], SIZES["test"])
    ]


@pytest.fixture(scope="session")
def saved_runs(
    family_folder: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], dict[str, tuple[Path, RunRecord]]]:
    """`saved_runs("bert", "tagging")`: strategy to (run folder, record), for full, head, freeze and lora."""
    root = tmp_path_factory.mktemp("saved")

    @cache
    def runs(family: str, task: str) -> dict[str, tuple[Path, RunRecord]]:
        freeze = "freeze:embeddings" if family == "albert" else "freeze:first=1"
        strategies = ["full", "head:pooler=train", freeze, "lora:r=2", "lora:r=2+head:pooler=train"]
        names = {strategies[2]: "freeze", strategies[4]: "lora+pooler"}
        done = train_all(family_folder(family), task, strategies, root / f"{family}-{task}")
        return {names.get(text, text.split(":")[0]): run for text, run in done.items()}

    return runs


@pytest.fixture(scope="session")
def saved_changes(
    family_folder: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], dict[str, tuple[Path, RunRecord]]]:
    """The same for the strategies that change the network, by their text."""
    root = tmp_path_factory.mktemp("changed")

    @cache
    def runs(family: str, task: str) -> dict[str, tuple[Path, RunRecord]]:
        strategies = ["peft:IA3", "lora:use_dora", "reinit:top=1"][: 2 if family == "albert" else 3]
        strategies += ["adapter:reduction_factor=4", "adapter:placement=houlsby,reduction_factor=4"]
        if task == "classification":
            strategies += ["head:pooling=mean", "lora:r=2+head:pooling=mean"]
        return train_all(family_folder(family), task, strategies, root / f"{family}-{task}")

    return runs


def train_all(model: str, task: str, strategies: list[str], output: Path) -> dict[str, tuple[Path, RunRecord]]:
    """Run a comparison; by strategy as typed, the run folder and the record."""
    settings, _ = read_settings(
        {
            "model": model,
            "data": {split: examples(task, number, number) for split, number in SIZES.items()},
            "strategy": strategies,
            "seeds": 1,
            "plan": False,
            "max_steps": 6,
            "learning_rate": 2e-2,
            "speedups": "off",  # no probe of the machine: faster, and the same every time
            "max_length": 48,
            "class_weights": "balanced",  # else a moment of training says O to everything
            "doc_stride": 4,
            "output": output,
        }
    )
    done = compare(settings)
    assert {record.status for record in done.records} == {"done"}, [record.error for record in done.records]
    runs = [(folder, read_record(folder)) for folder in find_runs(done.output)]
    return {record.strategy: (folder, record) for folder, record in runs}
