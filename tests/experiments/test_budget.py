"""Equal budgets: the same epochs, steps, tokens or seconds for every strategy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.strategies import StrategyError

RunComparison = Callable[..., Comparison]
FREE: dict[str, Any] = {"epochs": None, "early_stopping_patience": None, "seeds": 2}


@pytest.mark.parametrize(
    ("budget", "steps", "epochs"),
    [
        ("epochs=2", 18, 2),
        ("steps=19", 19, 3),
        pytest.param("steps=2", 2, 1, marks=pytest.mark.slow),
        pytest.param("steps=9", 9, 1, marks=pytest.mark.slow),
    ],
)
def test_epochs_and_steps(run_comparison: RunComparison, tmp_path: Path, budget: str, steps: int, epochs: int) -> None:
    done = run_comparison(tmp_path / "out", strategy=["full", "head", "lora:r=2"], budget=budget, **FREE)
    assert {(record.steps, record.epochs_run, record.budget) for record in done.records} == {(steps, epochs, budget)}


def test_tokens(run_comparison: RunComparison, tmp_path: Path) -> None:
    """As many steps as it takes, whichever batches the seed brings first."""
    done = run_comparison(tmp_path / "out", strategy=["full", "head"], budget="tokens=700", **FREE)
    by_seed = {record.seed: record.steps for record in done.records if record.strategy == "full"}
    assert by_seed == {record.seed: record.steps for record in done.records if record.strategy == "head"}
    assert all(steps is not None and steps > 9 for steps in by_seed.values())  # beyond one epoch


def test_seconds(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", strategy=["full", "head"], budget="seconds=0.3", **FREE)
    for record in done.records:
        assert record.train_seconds is not None and record.train_seconds >= 0.3
        assert record.epochs_planned is None and record.history[-1]["step"] == record.steps


def test_seconds_go_on_beyond_the_epochs_that_strategies_know(
    run_comparison: RunComparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is quick makes many epochs, and stays as it is in the last one that the strategy was asked about."""
    monkeypatch.setattr("unfreeze.experiments.options.EPOCHS_WITHIN_SECONDS", 3)
    strategies = ["head", "gradual"]
    done = run_comparison(tmp_path / "out", strategy=strategies, budget="seconds=0.5", **FREE | {"seeds": 1})
    for record in done.records:
        assert record.train_seconds is not None and record.train_seconds >= 0.5
        assert record.epochs_run is not None and record.epochs_run > 3


def test_the_rate_ends_at_zero_whatever_the_budget(run_comparison: RunComparison, tmp_path: Path) -> None:
    """The schedule ends with the budget: twice the steps are not a continuation of the first half."""
    short, long = (
        run_comparison(tmp_path / f"{n}", budget=f"steps={n}", eval_strategy="steps", eval_steps=3, **FREE)
        for n in (3, 6)
    )
    assert short.records[0].history[0]["validation"] != long.records[0].history[0]["validation"]


def test_with_few_steps_what_trains_is_what_is_reached(run_comparison: RunComparison, tmp_path: Path) -> None:
    """Epochs that never come must not count as training, nor excuse what would stay random."""
    done = run_comparison(tmp_path / "out", strategy="gradual", max_steps=3, epochs=None)
    [record] = done.records
    assert record.epochs_planned == record.epochs_run == 1
    assert record.trainable_parameters < record.total_parameters / 10
    with pytest.raises(StrategyError):
        run_comparison(tmp_path / "random", strategy="reinit:top=1+gradual", max_steps=3, epochs=None)
