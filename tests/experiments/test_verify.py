"""`unfreeze verify` sees that the fast path follows the stock Trainer, and that a wrong one does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.cli import main
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.verify import Verified, verify
from unfreeze.settings import SettingsError, read_settings

WAYS = {"bert": "fused", "distilbert": "fused", "modernbert": "hooked", "albert": "plain", "mpnet": "plain"}
TRIED = [pytest.param(name, marks=pytest.mark.slow if name in ("distilbert", "mpnet") else ()) for name in WAYS]


def verified(model: str, data: Any, strategy: list[str], **changes: Any) -> list[Verified]:
    values = {"model": model, "data": data, "strategy": strategy, "max_steps": 8, "per_device_train_batch_size": 4}
    settings, _ = read_settings(values | {"learning_rate": 1e-3} | changes)
    return verify(settings, Listener())


@pytest.mark.parametrize("name", TRIED)
def test_the_fast_path_follows(family_folder: Callable[..., str], corpora: dict[str, Any], name: str) -> None:
    strategies = ["full", "head"] if name == "albert" else ["full", "head", "freeze:first=1", "lora"]
    follows(family_folder, corpora, name, "classification", strategies)


@pytest.mark.parametrize("name", TRIED)
def test_on_words_too(family_folder: Callable[..., str], corpora: dict[str, Any], name: str) -> None:
    follows(family_folder, corpora, name, "tagging", ["full", "freeze:first=1"] if name == "bert" else ["full"])


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIED)
def test_on_words_with_every_strategy(family_folder: Callable[..., str], corpora: dict[str, Any], name: str) -> None:
    follows(
        family_folder, corpora, name, "tagging", ["head"] if name == "albert" else ["head", "freeze:first=1", "lora"]
    )


def follows(
    family_folder: Callable[..., str], corpora: dict[str, Any], name: str, task: str, strategies: list[str]
) -> None:
    found = verified(family_folder(name), corpora[task], strategies)
    assert [one.strategy for one in found] == strategies
    assert all(one.follows and one.steps == 8 for one in found), found
    for one in found:  # frozen layers come from the cache where they are fused
        cached = WAYS[name] == "fused" and one.strategy in ("head", "freeze:first=1")
        assert one.way == WAYS[name] + (", cache" if cached else "")


def test_many_evaluations_and_other_schedules_stop_nothing(
    family_folder: Callable[..., str], corpora: dict[str, Any]
) -> None:
    """Early stopping, evaluations between epochs, a constant rate after the warm-up."""
    changes = {"max_steps": 30, "early_stopping_patience": 1, "eval_strategy": "steps", "eval_steps": 1}
    found = verified(
        family_folder("bert"), corpora["classification"], ["head"], **changes, lr_scheduler_type="constant"
    )
    assert [(one.follows, one.steps) for one in found] == [(True, 30)]


@pytest.mark.parametrize("mistake", [{"max_steps": 1}, {"long_text": "window_mean"}])
def test_what_would_prove_nothing_is_refused(
    family_folder: Callable[..., str], corpora: dict[str, Any], mistake: dict[str, Any]
) -> None:
    with pytest.raises(SettingsError, match=next(iter(mistake)).replace("_", "-")):
        verified(family_folder("bert"), corpora["classification"], ["full"], **mistake)


def test_questions_one_window_at_a_time(family_folder: Callable[..., str]) -> None:
    """The stock head would take padding for places where an answer may begin."""
    few = {"max_train_samples": 12, "max_eval_samples": 6, "max_length": 64, "doc_stride": 16}
    [one] = verified(family_folder("bert"), "sample:qa", ["full"], **few)
    assert one.follows and one.way == "fused"


def test_a_wrong_one_does_not(
    family_folder: Callable[..., str], corpora: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unfreeze.training.timetable.multiplier", lambda *_: 0.9)
    [one] = verified(family_folder("bert"), corpora["classification"], ["full"])
    assert not one.follows and one.weights > 0.01


@pytest.mark.parametrize("strategy", ["gradual", "llrd", "two_stage", "discriminative"])
def test_what_the_stock_trainer_cannot_do(
    family_folder: Callable[..., str], corpora: dict[str, Any], strategy: str
) -> None:
    with pytest.raises(SettingsError, match=f"--strategy {strategy}"):
        verified(family_folder("bert"), corpora["classification"], [strategy], max_steps=30)


def test_the_command(
    family_folder: Callable[..., str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "texts.txt"
    lines = (f"anna saw the {'happy' if i % 2 else 'sad'} day {i};{i % 2}\n" for i in range(60))
    file.write_text("".join(lines), encoding="utf-8")
    flags = ["--model", family_folder("bert"), "--data", str(file), "--strategy", "full", "--max-steps", "4"]
    assert main(["verify", *flags, "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert one["follows"] and one["way"] == "fused"
    assert main(["verify", *flags, "--quiet"]) == 0
    assert "fused" in capsys.readouterr().out
    monkeypatch.setattr("unfreeze.training.timetable.multiplier", lambda *_: 0.9)
    assert main(["verify", *flags, "--quiet"]) == 1
