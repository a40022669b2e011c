"""The command line called in this process, data as files, and one trained comparison for each task."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from unfreeze.cli import main

TELLING = {"anger": ("rage", "furious"), "joy": ("happy", "smile"), "sadness": ("tears", "grief")}
FILLERS = ("the", "a", "we", "saw", "in", "with", "some", "day", "house")
TAGGED = {"anna": "B-PER", "karl": "B-PER", "berlin": "B-LOC"}


@dataclass(frozen=True)
class Called:
    """What a call of the command line returned and printed."""

    code: int
    out: str
    err: str


def call(*arguments: object) -> Called:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Called(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def unfreeze_cli() -> Callable[..., Called]:
    """`unfreeze_cli("predict", folder, text)`: exit code, standard output, standard error."""
    return call


class Terminal(io.StringIO):
    """What a command takes for a terminal that can draw."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Callable[[], io.StringIO]:
    """Makes a terminal; `getvalue()` is what was printed there."""
    return Terminal


def text_lines(number: int, seed: int) -> str:
    rng = random.Random(seed)
    lines = []
    for i in range(number):
        label = list(TELLING)[i % 3]
        words = [*rng.choices(FILLERS, k=rng.randint(2, 6)), rng.choice(TELLING[label])]
        rng.shuffle(words)
        lines.append(f"{' '.join(words)};{label}")
    return "\n".join(lines) + "\n"


def conll(number: int, seed: int) -> str:
    rng = random.Random(seed)
    blocks = []
    for _ in range(number):
        words = [*rng.choices(FILLERS, k=rng.randint(2, 6)), *rng.sample(list(TAGGED), k=2)]
        rng.shuffle(words)
        blocks.append("".join(f"{word}\t{TAGGED.get(word, 'O')}\n" for word in words))
    return "\n".join(blocks)


@pytest.fixture(scope="session")
def data_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Task -> a folder with train, validation and test, and `more`, a further test file."""
    folders = {}
    for task, make, suffix in (("classification", text_lines, "txt"), ("tagging", conll, "conll")):
        folder = folders[task] = tmp_path_factory.mktemp("data") / task
        folder.mkdir()
        for seed, (split, size) in enumerate({"train": 33, "validation": 12, "test": 12, "more": 9}.items()):
            (folder / f"{split}.{suffix}").write_text(make(size, seed), encoding="utf-8")
    return folders


def pytest_itemcollected(item: pytest.Item) -> None:
    """Each process makes its own comparison of each task, which takes long: that of tagging in one file, and in the
    slow tests."""
    values = getattr(getattr(item, "callspec", None), "params", {})
    if "compared" not in getattr(item, "fixturenames", ()) or item.path.name == "test_commands.py":
        return
    if values.get("task") == "tagging":
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", params=["classification", "tagging"])
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def comparison_of(
    data_folders: dict[str, Path], family_folder: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Called]]:
    """`comparison_of("tagging")`: made once, where `compared` is made again whenever the task changes."""

    @cache
    def make(task: str) -> tuple[Path, Called]:
        output = tmp_path_factory.mktemp("cli") / "out"
        more = next(data_folders[task].glob("more.*"))
        called = call(
            *("compare", "--model", family_folder("bert"), "--data", data_folders[task], "--test-file", f"more={more}"),
            *("--strategy", "full", "--strategy", "lora:r=2", "--seeds", 2, "--epochs", 2, "--learning-rate", 5e-3),
            *("--speedups", "off", "--max-length", 48, "--output", output),
        )
        assert called.code == 0, called.err
        return output, called

    return make


@pytest.fixture(scope="session")
def compared(task: str, comparison_of: Callable[[str], tuple[Path, Called]]) -> tuple[Path, Called]:
    """The output folder of `unfreeze compare`, and what the command said."""
    return comparison_of(task)


@pytest.fixture
def model(family_folder: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """`model("bert", "BertForMaskedLM")`: a model with that head, as someone else saved it."""

    def make(family: str, class_name: str, **config: Any) -> str:
        base = family_folder(family)
        torch.manual_seed(1)
        network = getattr(transformers, class_name).from_pretrained(base, **config)
        folder = tmp_path / class_name
        network.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)
        return str(folder)

    return make
