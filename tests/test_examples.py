"""Every example runs, is short, and every recipe is a comparison we understand."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unfreeze.settings import read_config_file, read_settings

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if path.stem == "compare" else ()) for path in EXAMPLES],
    ids=lambda path: path.stem,
)
def test_example_runs(
    path: Path,
    tmp_path: Path,
    family_folder: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, which has imported what takes seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), family_folder("bert"), str(tmp_path / "out")])
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert (tmp_path / "out" / "report" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_as_a_program(path: Path, tmp_path: Path, family_folder: Callable[..., str]) -> None:
    command = [sys.executable, str(path), str(family_folder("bert")), str(tmp_path / "out")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert (tmp_path / "out" / "report" / "index.html").is_file()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_is_a_valid_comparison(path: Path) -> None:
    settings, notes = read_settings(read_config_file(path))
    assert settings.model and settings.strategies()
    assert notes == []


def test_readme_python_parses_and_its_links_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", readme, re.S):
        ast.parse(block)
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_readme_shows_real_output() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not re.search(r"@[A-Z]+@", readme)
    assert "recommended: " in readme and "trains the head: 2,310 of 22,715,526 parameters" in readme


def test_readme_names_every_command() -> None:
    from unfreeze.cli import COMMANDS

    readme = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"unfreeze {name}" not in readme] == []
