"""The plan: what is counted is exact, what is timed is a range, and nothing trains for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.ask import ask
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.compare import plan_only
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.settings import read_settings

RunComparison = Callable[..., Comparison]
STRATEGIES = ["full", "head", "lora:r=2", "freeze:first=1"]


@pytest.fixture
def plan(family_folder: Callable[..., str], corpora: dict[str, dict[str, Any]]) -> Callable[..., list[dict[str, Any]]]:
    def make(**changes: Any) -> list[dict[str, Any]]:
        values = {"model": family_folder("bert"), "data": corpora["classification"], "strategy": STRATEGIES}
        settings, _ = read_settings(values | {"epochs": 4, "speedups": "off", "max_length": 48} | changes)
        return plan_only(settings, Listener())

    return make


def test_one_entry_for_each_strategy(plan: Callable[..., list[dict[str, Any]]]) -> None:
    entries = plan(seeds=2, data_curve=True)
    assert [entry["strategy"] for entry in entries] == STRATEGIES
    for entry in entries:
        assert entry["runs"] == 6 and entry["steps"] == 12
        for name in ("seconds", "train_seconds", "disk_bytes"):
            low, high = entry[name]
            assert 0 < low < high
        assert entry["seconds"][1] > entry["train_seconds"][1]
        assert entry["peak_memory_bytes"] is None  # of this process it would tell nothing


def test_early_stopping_lowers_only_the_low_end(plan: Callable[..., list[dict[str, Any]]]) -> None:
    [patient] = plan(strategy="full", early_stopping_patience=None, epochs=40)
    [hasty] = plan(strategy="full", early_stopping_patience=1, epochs=40)
    assert patient["train_seconds"][1] / patient["train_seconds"][0] == pytest.approx(1.25**2)
    assert hasty["train_seconds"][1] / hasty["train_seconds"][0] == pytest.approx(1.25**2 * 20)


def test_a_budget_of_seconds_is_the_plan(plan: Callable[..., list[dict[str, Any]]]) -> None:
    [entry] = plan(strategy="full", epochs=None, budget="seconds=8", early_stopping_patience=None)
    assert entry["train_seconds"] == pytest.approx((8 / 1.25, 8 * 1.25))


@pytest.mark.parametrize("task", ["classification", "tagging"])
def test_fewer_windows_than_a_batch(
    plan: Callable[..., list[dict[str, Any]]], corpora: dict[str, dict[str, Any]], task: str
) -> None:
    [entry] = plan(data=corpora[task], max_train_samples=5, strategy="full")
    assert entry["steps"] == 4 and entry["step_seconds"] > 0


def test_the_comparison_says_it_first_and_keeps_it(run_comparison: RunComparison, tmp_path: Path) -> None:
    texts: list[str] = []

    class Ear(Listener):
        def said(self, text: str) -> None:
            texts.append(text)

        def run_started(self, cell: Any, number: int) -> None:
            texts.append("run")

    done = run_comparison(tmp_path / "out", strategy=STRATEGIES, seeds=2, plan=True, listener=Ear())
    said = next(text for text in texts if "from steps timed now" in text)
    assert said.startswith("8 runs: ") and "--seeds 1 takes 50 % of it" in said
    assert texts.index(said) < texts.index("run")
    assert [entry["strategy"] for entry in done.summary["plan"]] == STRATEGIES
    for record in done.records:  # an adapter takes less than all weights; both are what was planned
        low, high = next(one for one in done.summary["plan"] if one["strategy"] == record.strategy)["disk_bytes"]
        assert record.disk_bytes is not None and low <= record.disk_bytes <= high
    [file] = run_comparison(tmp_path / "out", strategy=["full"], seeds=3, plan=True).output.glob("comparison.json")
    assert file.is_file()


def test_planning_moves_no_run(run_comparison: RunComparison, tmp_path: Path) -> None:
    planned, plain = (run_comparison(tmp_path / str(plan), plan=plan, strategy="lora:r=2") for plan in (True, False))
    weights = [next(done.best.glob("model/adapter_model.safetensors")).read_bytes() for done in (planned, plain)]
    assert weights[0] == weights[1]


def test_frozen_layers_are_planned_as_they_will_run(plan: Callable[..., list[dict[str, Any]]]) -> None:
    """From the cache: their price is that of one pass, whatever the number of epochs and runs."""
    strategies = ["full", "head"]
    few, many = (
        plan(strategy=strategies, epochs=epochs, speedups="unpad+cache", early_stopping_patience=None)
        for epochs in (4, 40)
    )
    assert few[0]["cache_seconds"] == 0 and few[1]["cache_seconds"] > 0
    assert many[1]["steps"] == 10 * few[1]["steps"]
    for entry in many:
        low, high = entry["seconds"]
        assert 0 < low < high


@pytest.mark.parametrize("strategy", ["reinit:top=1+freeze:first=1", "head:pooling=mean", "freeze:first=1"])
def test_only_tables_that_others_ask_for_are_filled(
    family_folder: Callable[..., str], corpora: dict[str, dict[str, Any]], strategy: str
) -> None:
    """Not above layers that start anew, and not under another configuration."""
    values = {
        "model": family_folder("bert"),
        "data": corpora["classification"],
        "strategy": [strategy, "head", "lora:top=1"],
    }
    settings, _ = read_settings(values | {"speedups": "unpad+cache", "max_length": 48})
    _, [prepared], fitting = ask(settings, Listener())
    assert prepared.cache_depths == (1, 2)
    trainer = build_trainer(next(iter(fitting.values()))[0], 0, prepared, settings, None)
    expected = {"reinit:top=1+freeze:first=1": [1], "head:pooling=mean": [], "freeze:first=1": [1, 2]}
    assert list(trainer.cache_depths) == expected[strategy]
