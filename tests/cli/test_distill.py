"""`unfreeze distill`: with a comparison as teacher, and with a model alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from unfreeze.storage.folders import best_run
from unfreeze.storage.records import find_runs, read_record

Cli = Callable[..., Any]


@pytest.fixture
def copied(comparison_of: Callable[[str], tuple[Path, Any]], tmp_path: Path) -> Path:
    """One task tells all."""
    return Path(shutil.copytree(comparison_of("classification")[0], tmp_path / "out"))


@pytest.mark.slow
def test_a_comparison_gets_two_students(unfreeze_cli: Cli, copied: Path) -> None:
    before = len(find_runs(copied))
    best = best_run(copied)
    seeds = int(yaml.safe_load((copied / "settings.yaml").read_text())["seeds"])
    called = unfreeze_cli("distill", "--teacher", copied, "--layers", 1, "--layers", 2, "--temperature", 3)
    assert called.code == 0, called.err
    records = [read_record(folder) for folder in find_runs(copied)]
    assert len(records) == before + 2 * seeds
    students = {one.strategy for one in records if one.strategy.startswith("distill")}
    assert students == {f"distill:teacher={best},layers={n},temperature=3.0" for n in (1, 2)}
    lines = [line for line in called.out.splitlines() if line.startswith("distill:")]
    assert "texts/s" in called.out and len(lines) == 2
    student = next(one for one in find_runs(copied) if read_record(one).strategy.startswith("distill"))
    (copied / "best").write_text(str(student.relative_to(copied)))
    called = unfreeze_cli("distill", "--teacher", copied)
    assert called.code == 2 and "its best run is a student (distill:teacher=" in called.err
    assert f"Give its own teacher again: --teacher {best}" in called.err


def test_a_run_of_a_comparison_teaches_in_it(unfreeze_cli: Cli, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And has one name, however it is typed: nothing is trained twice."""
    [run, *_] = [one for one in find_runs(copied) if read_record(one).strategy == "full"]
    monkeypatch.chdir(copied.parent)
    near = run.relative_to(copied.parent)
    called = unfreeze_cli("distill", "--teacher", run / "model", "--layers", 1, "--quiet")
    assert called.code == 0, called.err
    assert f"distill:teacher={near},layers=1" in called.out
    there = len(find_runs(copied))
    for typed in (run, near, near / "model", near / ".." / run.name):
        called = unfreeze_cli("distill", "--teacher", typed, "--layers", 1)
        assert called.code == 0 and len(find_runs(copied)) == there, called.err
    called = unfreeze_cli("distill", "--teacher", run, "--seeds", 5)
    assert called.code == 2 and f"--teacher {run} --seeds: the folder says that." in called.err


def test_a_model_alone_needs_data(unfreeze_cli: Cli, copied: Path, tmp_path: Path) -> None:
    teacher = Path(shutil.copytree(best_run(copied) / "model", tmp_path / "teacher"))
    called = unfreeze_cli("distill", "--teacher", teacher, "--layers", 1)
    assert called.code == 2 and "--data" in called.err
    settings = yaml.safe_load((copied / "settings.yaml").read_text())
    data = ["--data", settings["data"], "--seeds", 1, "--epochs", 1, "--speedups", "off"]
    called = unfreeze_cli("distill", "--teacher", teacher, *data, "--output", tmp_path / "students")
    assert called.code == 0, called.err
    [record] = [read_record(folder) for folder in find_runs(tmp_path / "students")]
    assert record.strategy == f"distill:teacher={teacher}" and record.num_layers == 1
    assert record.model_name == str(teacher)


def test_mistakes_are_told_in_a_line(unfreeze_cli: Cli, tmp_path: Path) -> None:
    called = unfreeze_cli("distill", "--layers", 3)
    assert called.code == 2 and "--teacher" in called.err
    called = unfreeze_cli("distill", "--teacher", tmp_path / "nowhere", "--data", "sample:emotion", "--alpha", 7)
    assert called.code == 2 and "alpha=7: expected a number from 0 to 1" in called.err
    for data in ((), ("--data", "sample:emotion")):
        called = unfreeze_cli("distill", "--teacher", tmp_path / "nowhere", *data)
        assert called.code == 2 and "nowhere: no model found" in called.err
