"""`unfreeze inspect --model`: what a strategy trains and where its gradient goes, before any training."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.cli import main
from unfreeze.models.load import load_network
from unfreeze.tasks import TASKS

Cli = Callable[..., Any]
PARTS = ["embeddings", "layer 1", "layer 2"]


def inspected(cli: Cli, *arguments: object) -> tuple[list[dict[str, Any]], str]:
    """The inspections as JSON, and what was said of them."""
    called = cli("inspect", "--json", "--speedups", "off", *arguments)
    assert called.code == 0, called.err
    found: list[dict[str, Any]] = json.loads(called.out)
    return found, called.err


def test_without_data_the_batch_is_made_up_and_that_is_said(
    unfreeze_cli: Cli, family: str, task: str, family_folder: Callable[..., str], families: dict[str, Any]
) -> None:
    folder = family_folder(family)
    [full, head], said = inspected(
        unfreeze_cli, "--model", folder, "--task", task, "--strategy", "full", "--strategy", "head"
    )
    assert f"{folder}: no data named, so one step on a made-up batch for {task}: 16 windows of 48 random tokens" in said
    assert (full["strategy"], head["strategy"]) == ("full", "head")
    assert full["trainable_parameters"] == full["total_parameters"] == head["total_parameters"]
    assert head["trainable_parameters"] < full["trainable_parameters"]
    names = [part["name"] for part in full["flow"]["parts"]]
    shared = families[family].shares_layers
    assert names[: 2 if shared else 3] == (["embeddings", "layers 1-2 (shared)"] if shared else PARTS)
    assert names[-1] == "head"
    assert all(part["gradient_share"] > 0 for part in full["flow"]["parts"])
    assert [part["name"] for part in head["flow"]["parts"] if part["gradient_share"] is not None] == ["head"]
    parts = full["flow"]["operations"]
    assert parts["forward"] == head["flow"]["operations"]["forward"] < parts["input_gradients"]


@pytest.mark.parametrize("objective", sorted(set(TASKS) - {"classification", "tagging"}))
def test_every_task_is_rehearsed_on_a_made_up_batch(
    unfreeze_cli: Cli, objective: str, family_folder: Callable[..., str]
) -> None:
    """Also where it asks for other outputs than the model was saved with, or for a network beside it."""
    arguments = ("--model", family_folder("bert"), "--task", objective, "--strategy", "full")
    [full], said = inspected(unfreeze_cli, *arguments)
    assert f"made-up batch for {objective}" in said
    assert all(part["gradient_share"] > 0 for part in full["flow"]["parts"] if part["name"] != "top (pooler)")
    [head] = [part for part in full["flow"]["parts"] if part["name"] == "head"]
    if objective in ("regression", "multi-label"):
        assert head["parameters"] == 17 * {"regression": 1, "multi-label": 2}[objective]  # hidden 16 and a bias


def test_replaced_tokens_are_rehearsed_on_data(
    unfreeze_cli: Cli, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("\n\n".join(f"We saw anna in lima {i}. A day with tears." for i in range(30)), encoding="utf-8")
    arguments = ("--model", family_folder("bert"), "--task", "replaced-token", "--data", file, "--strategy", "full")
    [full], said = inspected(unfreeze_cli, *arguments)
    assert "one step on 16 windows of the training data" in said
    assert full["flow"]["loss"] > 0 and full["flow"]["parts"][0]["gradient_share"] > 0


def test_the_shape_of_the_made_up_batch_can_be_set(unfreeze_cli: Cli, family_folder: Callable[..., str]) -> None:
    arguments = ("--model", family_folder("roberta"), "--strategy", "full")
    _, said = inspected(unfreeze_cli, *arguments, "--max-length", 10, "--per-device-train-batch-size", 3)
    assert "for classification: 3 windows of 10 random tokens, 2 labels" in said
    _, said = inspected(unfreeze_cli, *arguments, "--max-length", 4000)
    assert "16 windows of 62 random tokens" in said  # it has 64 positions and counts them from 2


def test_with_data_the_step_is_on_the_first_training_batch(
    unfreeze_cli: Cli, task: str, family_folder: Callable[..., str], data_folders: dict[str, Path]
) -> None:
    arguments = ("--model", family_folder("bert"), "--data", data_folders[task], "--strategy", "full")
    [full], said = inspected(unfreeze_cli, *arguments, "--learning-rate", 0.003, "--epochs", 7)
    assert "recognised train" in said and "one step on 16 windows of the training data" in said
    assert (full["learning_rate"], full["epochs"], full["flow"]["learning_rate"]) == (0.003, 7, 0.003)
    labels = {"classification": 3, "tagging": 5}[task]  # the data's: B- and I- of two entity types, and O
    [head] = [part for part in full["flow"]["parts"] if part["name"] == "head"]
    assert head["parameters"] == 17 * labels  # hidden 16 and a bias


def test_the_tables(unfreeze_cli: Cli, family_folder: Callable[..., str]) -> None:
    arguments = ("--model", family_folder("bert"), "--task", "tagging", "--speedups", "off")
    called = unfreeze_cli("inspect", *arguments, "--strategy", "full", "--strategy", "freeze:layers")
    assert called.code == 0
    lines = called.out.strip().splitlines()
    assert lines[0].startswith(f"{family_folder('bert')}: BertForTokenClassification (bert): vocabulary 62, hidden")
    start = next(i for i, line in enumerate(lines) if line.startswith("strategy"))
    title, header, rule, full, frozen = lines[start - 1 : start + 4]
    assert title == family_folder("bert") and set(rule) == {"-", " "}
    columns = ["strategy", "trained", "share", "rate", "epochs", "memory", "forward", "dX", "dW", "of", "full"]
    assert header.split() == columns
    assert full.split()[0] == "full" and full.endswith("100 %") and frozen.split()[0] == "freeze:layers"
    flow = called.out[called.out.index("\nfreeze:layers: embeddings, the head: ") :].strip().splitlines()
    rows = {line.rsplit(None, 6)[0].strip(): line.split()[-5:] for line in flow[3:7]}
    assert rows["layer 1"] == ["no", "-", "-", "-", "yes"]
    assert rows["layer 2"] == ["no", "-", "-", "-", "yes"]
    assert flow[3].startswith("embeddings") and " yes " in flow[3] and flow[3].endswith(" no")
    assert flow[7].startswith("warning: the embeddings train, so the 2 frozen layers above them still cost a backward")
    assert "x the step time of freezing them too" in flow[7]


@pytest.mark.parametrize(("columns", "ruled"), [(60, 1), (80, 3), (200, 4)])
def test_the_tables_in_a_terminal_are_ruled_where_nothing_is_cut(
    family_folder: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: Callable[[], io.StringIO],
    columns: int,
    ruled: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out, err = terminal(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        arguments = ["inspect", "--model", family_folder("bert"), "--speedups", "off", "--strategy", "full"]
        code = main([*arguments, "--strategy", "freeze:alternating,embeddings=train+freeze:last=1"])
    assert code == 0, err.getvalue()
    lines = out.getvalue().splitlines()
    assert sum("─────" in line for line in lines) == ruled
    for part in (*PARTS, "top (pooler)", "head"):
        assert any(part in line and ("yes" in line or "no" in line) for line in lines), part
    [full] = [line for line in lines if line.strip().startswith("full ")]
    assert full.strip().endswith("100 %") and "…" not in out.getvalue(), "something is cut"


def test_a_folder_without_weights_is_inspected_with_random_ones(
    unfreeze_cli: Cli, family: str, task: str, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    """Same counts as with weights; and for inspection only."""
    arguments = ("--task", task, "--strategy", "full", "--strategy", "lora")
    shutil.copy(Path(family_folder(family)) / "config.json", tmp_path)
    random, said = inspected(unfreeze_cli, "--model", tmp_path, *arguments)
    assert f"--model {tmp_path}: random weights: no checkpoint in the folder" in said
    loaded, said = inspected(unfreeze_cli, "--model", family_folder(family), *arguments)
    assert "random weights" not in said
    for one, other in zip(random, loaded, strict=True):
        assert one["trains"] == other["trains"]
        assert one["flow"]["operations"] == other["flow"]["operations"]
        assert [part["name"] for part in one["flow"]["parts"]] == [part["name"] for part in other["flow"]["parts"]]
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_network(str(tmp_path), "AutoModelForSequenceClassification", 0)


def test_the_default_strategies_and_several_models(unfreeze_cli: Cli, family_folder: Callable[..., str]) -> None:
    """What a model cannot follow is left out and said, unless it was asked for."""
    models = [family_folder("albert"), family_folder("distilbert")]
    found, said = inspected(unfreeze_cli, "--model", models[0], "--model", models[1])
    assert [one["strategy"] for one in found if one["model_name"] == models[0]] == ["head", "lora", "full"]
    assert [one["strategy"] for one in found if one["model_name"] == models[1]] == [
        "head",
        "freeze:first=half",
        "lora",
        "full",
    ]
    assert "left out: freeze:first=half: the 2 layers of albert share one set of weights" in said


def test_every_strategy_that_cannot_be_followed_is_refused_at_once(
    unfreeze_cli: Cli, family_folder: Callable[..., str]
) -> None:
    called = unfreeze_cli(
        "inspect", "--model", family_folder("bert"), "--strategy", "freeze:first=9", "--strategy", "freeze:last=9"
    )
    assert (called.code, called.out) == (2, "")
    errors = [line for line in called.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2 and "first=9" in errors[0] and "last=9" in errors[1]


def test_a_strategy_needs_a_model(unfreeze_cli: Cli) -> None:
    called = unfreeze_cli("inspect", "--data", "sample:pos", "--strategy", "full")
    assert (called.code, called.err) == (2, "error: --strategy: is inspected on a model. Give --model too.\n")


def test_inspection_is_repeatable_and_writes_nothing(
    unfreeze_cli: Cli, family_folder: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("--model", family_folder("bert"), "--strategy", "lora", "--strategy", "full")
    assert inspected(unfreeze_cli, *arguments) == inspected(unfreeze_cli, *arguments)
    assert list(tmp_path.iterdir()) == []
