"""What cannot work is refused before anything is trained or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.findings import DataError
from unfreeze.experiments.conclude import Comparison
from unfreeze.models.explained import ModelError
from unfreeze.settings import SettingsError
from unfreeze.storage.folders import OutputError
from unfreeze.strategies import StrategyError
from unfreeze.training.loop import Trainer

RunComparison = Callable[..., Comparison]


@pytest.fixture(autouse=True)
def nothing_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*args: object) -> None:
        raise AssertionError("trained although the input is bad")

    monkeypatch.setattr(Trainer, "train", train)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        (
            {"metric_for_best_model": "f1"},
            SettingsError,
            "--metric-for-best-model f1: this task has accuracy, macro_f1",
        ),
        ({"class_weights": "joy=2,fun=1"}, SettingsError, "'fun=1' is not LABEL=WEIGHT"),
        ({"class_weights": "joy"}, SettingsError, "Labels: anger, joy, sadness"),
        ({"class_weights": "joy=-1"}, SettingsError, "'joy=-1' is not LABEL=WEIGHT"),
        ({"class_weights": "joy=nan"}, SettingsError, "'joy=nan' is not LABEL=WEIGHT"),
        ({"class_weights": "joy=much"}, SettingsError, "'joy=much' is not LABEL=WEIGHT"),
        ({"model": ()}, SettingsError, "--model: missing"),
        ({"model": "./no/such"}, ModelError, "--model ./no/such: no such folder"),
        ({"data": {"train": [("a", "x"), ("b", "x")]}}, DataError, "every label of the training data is 'x'"),
    ],
)
def test_bad_settings(
    run_comparison: RunComparison, tmp_path: Path, changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as raised:
        run_comparison(tmp_path / "out", **changes)
    assert says in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_strategies_that_do_not_fit_albert_are_all_named(
    run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    strategies = ["full", "freeze:first=1", "freeze:alternating", "lora:target_modules=nothing"]
    with pytest.raises(StrategyError) as raised:
        run_comparison(tmp_path / "out", model=family_folder("albert"), strategy=strategies)
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["freeze", "freeze", "lora"]
    assert "share one set of weights" in lines[0] and "freeze:alternating" in lines[1]
    assert "nothing not in the layers of albert" in lines[2]
    assert not (tmp_path / "out").exists()


def test_more_layers_than_there_are(run_comparison: RunComparison, tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="freeze:first=9: this encoder has 2 layers"):
        run_comparison(tmp_path / "out", strategy=["freeze:first=9"])


def test_results_are_never_overwritten(run_comparison: RunComparison, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="the folder is not empty"):
        run_comparison(tmp_path)
    with pytest.raises(OutputError, match="is a file"):
        run_comparison(tmp_path / "note.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
