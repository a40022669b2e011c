"""docs/strategies.md is what the dataclasses say, and they say all that a reader needs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from unfreeze.strategies import STRATEGIES
from unfreeze.strategies.peft import NOT_OFFERED, offered_methods
from unfreeze.strategies.reference import ADVICE, advice, reference

PAGE = Path(__file__).parents[2] / "docs" / "strategies.md"
MAKE = "python -m unfreeze.strategies.reference > docs/strategies.md"


def section(name: str) -> str:
    return reference().split(f"\n## `{name}`\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table line."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), f"make it again: {MAKE}"
    assert MAKE in reference()


@pytest.mark.slow
def test_the_command_prints_the_page() -> None:
    done = subprocess.run([sys.executable, "-m", "unfreeze.strategies.reference"], capture_output=True, check=True)
    assert done.stdout.decode() == reference()


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_says_when_to_use_it_when_not_what_it_costs_and_where_it_comes_from(name: str) -> None:
    found = advice(STRATEGIES[name])
    assert tuple(found) == ADVICE
    for start, line in found.items():
        assert line.startswith(start) and line.endswith(".") and len(line) > 30
        assert f"- {line}" in section(name)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_setting_is_explained_with_its_default(name: str) -> None:
    table = {row[0]: row[1:] for row in rows(section(name))[2:]}
    assert list(table) == [f"`{field.name}`" for field in fields(STRATEGIES[name])]  # type: ignore[arg-type]
    assert all(len(row) == 3 and all(row) for row in table.values())


def test_defaults_and_types_are_in_words() -> None:
    assert "| `first` | whole number or `half` | none | freeze the lowest k layers |" in section("freeze")
    assert "| `use_dora` | switch | off |" in section("lora")
    assert "| `milestones` | whole numbers joined with `+` | none |" in section("gradual")
    assert "| `method` | name | must be given |" in section("peft")
    assert "| `head` | number | `5e-05` |" in section("discriminative")
    assert "Default learning rate 0.0002, default epochs 10." in section("gradual")


def test_the_summary_has_one_line_for_each() -> None:
    head, _, *lines = rows(reference().split("\n## ")[0])
    assert len(lines) == len(STRATEGIES) and {len(line) for line in lines} == {len(head)} == {5}
    by_name = {line[0].split("`")[1]: line[2:] for line in lines}
    assert by_name["two_stage"] == ["closer", "0.0002", "4"]
    assert by_name["discriminative"] == ["neither", "5e-05", "3"]
    assert by_name["lora"] == ["opener", "0.001", "5"]


def test_methods_of_peft_are_listed() -> None:
    assert all(f"`{name}`" in section("peft") for name in (*offered_methods(), *NOT_OFFERED))
