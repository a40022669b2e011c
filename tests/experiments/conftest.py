"""Small made-up corpora, and one comparison for each task that all tests here read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.experiments.compare import compare
from unfreeze.experiments.conclude import Comparison
from unfreeze.settings import read_settings

TELLING = {"anger": ("rage", "furious", "shout"), "joy": ("happy", "smile", "laughter"), "sadness": ("tears", "grief")}
FILLERS = ("the", "a", "we", "saw", "in", "with", "some", "day", "house", "and")
TAGGED = {"anna": "B-PER", "karl": "B-PER", "berlin": "B-LOC", "lima": "B-LOC"}


def texts(number: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    rows = []
    for i in range(number):
        label = list(TELLING)[i % 3]
        words = [*rng.choices(FILLERS, k=rng.randint(1, 3)), *rng.choices(TELLING[label], k=rng.randint(3, 6))]
        rng.shuffle(words)
        rows.append((" ".join(words), label))
    return rows


def sentences(number: int, seed: int) -> list[tuple[list[str], list[str]]]:
    rng = random.Random(seed)
    rows = []
    for _ in range(number):
        words = [*rng.choices(FILLERS, k=rng.randint(2, 9)), *rng.sample(list(TAGGED), k=2)]
        rng.shuffle(words)
        rows.append((words, [TAGGED.get(word, "O") for word in words]))
    return rows


@pytest.fixture(scope="session")
def corpora() -> dict[str, dict[str, Any]]:
    """Task -> in-memory data with a second, named test set."""
    makers: dict[str, Callable[[int, int], list[Any]]] = {"classification": texts, "tagging": sentences}
    sizes = {"train": 36, "validation": 15, "test": 18, "news": 9}
    return {
        task: {split: make(size, seed) for seed, (split, size) in enumerate(sizes.items())}
        for task, make in makers.items()
    }


@pytest.fixture(scope="session")
def run_comparison(family_folder: Callable[..., str], corpora: dict[str, dict[str, Any]]) -> Callable[..., Comparison]:
    """`run_comparison(output, strategy=..., ...)`: a comparison on tiny BERT, just long enough to learn something."""

    def make(output: Path, *, listener: Any = None, own_task: Any = None, **changes: Any) -> Comparison:
        values = {
            "model": family_folder("bert"),
            "data": corpora["classification"],
            "strategy": ["full"],
            "seeds": 1,
            "epochs": 2,
            "learning_rate": 2e-2,
            "per_device_train_batch_size": 4,  # steps enough to learn something: 9 an epoch
            "plan": False,
            "speedups": "off",  # no probe of the machine: faster, and the same every time
            "max_length": 48,
            "output": output,
        }
        settings, _ = read_settings(values | changes)
        return compare(settings, listener, task=own_task)

    return make


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As runs elsewhere have; the last digits depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=["classification", "tagging"])
def comparison(
    request: pytest.FixtureRequest,
    run_comparison: Callable[..., Comparison],
    corpora: dict[str, dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Comparison:
    """Two strategies, two seeds, two epochs; one with an adapter."""
    return run_comparison(
        tmp_path_factory.mktemp("comparison") / "out",
        data=corpora[request.param],
        strategy=["full", "lora:r=2"],
        seeds=2,
        epochs=2,
    )
