"""Seeds are added where the recommendation needs them, and the level pays for every look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.looks import look_levels
from unfreeze.settings import SettingsError

RunComparison = Callable[..., Comparison]


class Heard(Listener):
    """What was said and which runs began."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.runs: list[tuple[str, int]] = []

    def said(self, text: str) -> None:
        self.texts.append(text)

    def run_started(self, cell: Any, number: int) -> None:
        self.runs.append((str(cell.strategy), cell.seed))


@pytest.mark.parametrize(("seeds", "most"), [(1, 1), (3, 3), (3, 10), (2, 40)])
def test_the_levels_of_all_looks_add_up(seeds: int, most: int) -> None:
    levels = look_levels(seeds, most)
    assert len(levels) == most - seeds + 1 and sum(levels) == pytest.approx(0.05)


def test_seeds_are_added_while_the_question_is_open(run_comparison: RunComparison, tmp_path: Path) -> None:
    """Two strategies that barely trained cannot be told apart on 15 examples: all seeds are used up."""
    heard = Heard()
    done = run_comparison(
        tmp_path / "out", strategy=["full", "lora:r=2"], seeds=2, until_decided=True, max_seeds=4, listener=heard
    )
    told = done.summary["until_decided"]
    assert (told["looks"], told["look"], told["decided"]) == (3, 3, False)
    assert len(told["open"]) == 1
    assert {seed for _, seed in heard.runs} == {42, 43, 44, 45} and len(heard.runs) == 8
    assert any(text.startswith("Look 1 of at most 3") for text in heard.texts)
    assert done.summary["alpha"] == pytest.approx(told["alphas"][-1], abs=1e-6)


def test_what_is_decided_gets_no_more_seeds(run_comparison: RunComparison, tmp_path: Path) -> None:
    heard = Heard()
    done = run_comparison(tmp_path / "out", strategy="full", seeds=2, until_decided=True, max_seeds=5, listener=heard)
    told = done.summary["until_decided"]
    assert (told["look"], told["decided"], told["open"]) == (1, True, [])
    assert len(heard.runs) == 2


def test_a_continued_folder_spends_no_level_twice(run_comparison: RunComparison, tmp_path: Path) -> None:
    settings = {"strategy": ["full", "lora:r=2"], "seeds": 2, "until_decided": True, "max_seeds": 4}
    before = run_comparison(tmp_path / "out", **settings).summary
    heard = Heard()
    after = run_comparison(tmp_path / "out", **settings, listener=heard).summary
    assert heard.runs == [] and after["until_decided"] == before["until_decided"]
    assert not any(text.startswith("Look 1") for text in heard.texts)

    heard = Heard()
    run_comparison(tmp_path / "out", **settings | {"strategy": ["full", "lora:r=2", "bitfit"]}, listener=heard)
    assert {name for name, _ in heard.runs} == {"bitfit"}  # and it is not judged at the first look's level
    assert not any(text.startswith("Look 1") for text in heard.texts)

    plain = run_comparison(tmp_path / "out", strategy=["full", "lora:r=2"], seeds=2).summary
    assert plain["alpha"] == pytest.approx(before["until_decided"]["alphas"][-1], abs=1e-6)
    assert plain["until_decided"]["look"] == 3
    with pytest.raises(SettingsError, match="looks were planned from 2 to 4 seeds"):
        run_comparison(tmp_path / "out", **settings | {"max_seeds": 6})


def test_a_stopped_command_goes_on_with_its_plan(run_comparison: RunComparison, tmp_path: Path) -> None:
    settings = {"strategy": ["full", "lora:r=2"], "seeds": 2, "until_decided": True, "max_seeds": 4}

    class Impatient(Heard):
        def run_started(self, cell: Any, number: int) -> None:
            super().run_started(cell, number)
            if cell.seed == 44:  # the first that was added
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_comparison(tmp_path / "out", **settings, listener=Impatient())
    with pytest.raises(SettingsError, match="looks were planned from 2 to 4 seeds"):
        run_comparison(tmp_path / "out", **settings | {"max_seeds": 6})
    resumed = run_comparison(tmp_path / "out", **settings).summary
    whole = run_comparison(tmp_path / "whole", **settings).summary
    assert resumed["until_decided"] == whole["until_decided"] and not resumed["until_decided"]["unplanned"]


def test_a_look_without_a_plan_is_owned_up_to(run_comparison: RunComparison, tmp_path: Path) -> None:
    settings = {"strategy": ["full", "lora:r=2"], "seeds": 2}
    run_comparison(tmp_path / "out", **settings)
    told = run_comparison(tmp_path / "out", **settings, until_decided=True, max_seeds=3).summary["until_decided"]
    assert told["unplanned"] and "on top of these levels" in told["sentence"]


def test_what_came_of_it_is_said(run_comparison: RunComparison, tmp_path: Path) -> None:
    heard = Heard()
    run_comparison(tmp_path / "out", strategy="full", seeds=2, until_decided=True, max_seeds=2, listener=heard)
    assert any("decided; no more seeds are needed" in text for text in heard.texts)


def test_a_metric_without_verdicts_is_refused_first(run_comparison: RunComparison, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--until-decided --metric-for-best-model mcc: verdicts are there for"):
        run_comparison(tmp_path / "out", until_decided=True, metric_for_best_model="mcc")
    assert not (tmp_path / "out").exists()
