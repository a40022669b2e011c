"""Every command that trains reports, while its runs are in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze import train
from unfreeze.cli import main
from unfreeze.storage.records import find_runs, read_record

COMMANDS = [
    pytest.param(["train"], "data.txt"),
    pytest.param(
        ["compare", "--strategy", "full", "--seeds", "2", "--jobs", "2", "--no-plan"],
        "data.txt",
        marks=pytest.mark.slow,
    ),
    pytest.param(["pretrain", "--epochs", "1"], "plain.txt", marks=pytest.mark.slow),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Texts with a label, and texts without."""
    rows = [(f"{text} {i}", label) for i in range(15) for text, label in (("happy smile", "joy"), ("tears", "sadness"))]
    (tmp_path / "data.txt").write_text("".join(f"{text};{label}\n" for text, label in rows))
    (tmp_path / "plain.txt").write_text("".join(f"{text} in the house.\n\n" for text, _ in rows))
    return tmp_path


@pytest.mark.parametrize(("command", "data"), COMMANDS)
def test_every_command_that_trains_reports(
    notebook: Any, files: Path, family_folder: Callable[..., str], command: list[str], data: str
) -> None:
    arguments = [*command, "--model", family_folder("bert"), "--data", str(files / data)]
    arguments += ["--output", str(files / "out"), "--max-steps", "2", "--speedups", "off", "--max-length", "48"]
    arguments += ["--quiet", "--report-to", "notebook"]
    assert main(arguments) == 0
    children = notebook.children()
    assert sorted(children) == [str(folder.relative_to(files / "out")) for folder in find_runs(files / "out")]
    for folder, page in children.items():
        record = read_record(files / "out" / folder)
        assert [step for step, _ in page.curve("train/loss")] == [1, 2] and page.ends == ["done"]
        assert dict(page.curve("selected/loss")) == {2: record.validation["loss"]}
    parent = notebook.parent()
    assert parent.ends == ["done"] and "leaderboard.md" in parent.files and "report_to" not in parent.chosen


def test_python_reports_too(notebook: Any, files: Path, family_folder: Callable[..., str]) -> None:
    done = train(
        model=family_folder("bert"), data=str(files / "data.txt"), output=files / "out", max_steps=2, plan=False,
        speedups="off", max_length=48, report_to="notebook",
    )  # fmt: skip
    [page] = notebook.children().values()
    assert page.ends == ["done"] and len(done.records) == 1
    assert notebook.parent().files["leaderboard.csv"] == (files / "out" / "leaderboard.csv").read_bytes()
