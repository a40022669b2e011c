"""`unfreeze export`: what it is checked on, what it says, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.folders import best_run
from unfreeze.storage.records import read_record

Cli = Callable[..., Any]
Compared = tuple[Path, Any]


def test_a_comparison_is_exported_and_checked_on_its_own_test_set(
    unfreeze_cli: Cli, compared: Compared, task: str, tmp_path: Path
) -> None:
    output, _ = compared
    record = read_record(best_run(output))
    called = unfreeze_cli("export", output, "--format", "merged", "--output", tmp_path / "new")
    assert called.code == 0, called.err
    metric = str(record.selection_metric)
    assert called.out.startswith(f"written: {tmp_path / 'new'}\n{metric} on 12 examples: original ")
    assert f"{record.test[metric]:.4f}, 0.00 points apart" in called.out
    assert "largest difference of an output: " in called.out
    assert "compared on test: 12 examples" in called.err
    again = unfreeze_cli("evaluate", tmp_path / "new", "--data", Path(record_data(output)), "--split", "test", "--json")
    assert json.loads(again.out)["metrics"] == pytest.approx(record.test, abs=1e-5)


def record_data(output: Path) -> str:
    import yaml

    return str(yaml.safe_load((output / "settings.yaml").read_text())["data"])


def test_data_of_ones_own_json_and_another_split(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str, tmp_path: Path
) -> None:
    more = next(data_folders[task].glob("more.*"))
    named = ("--test-file", more, "--data-format", {"classification": "text_label", "tagging": "conll"}[task])
    flags = ("--format", "merged", "--output", tmp_path / "new", "--json")
    called = unfreeze_cli("export", best_run(compared[0]), *flags, *named)
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert found["folder"] == str(tmp_path / "new") and found["format"] == "merged"
    assert found["checked"]["examples"] == 9 and found["checked"]["points_lost"] == 0
    other = ("--format", "merged", "--output", tmp_path / "other", "--split", "validation")
    assert "validation: 12 examples" in unfreeze_cli("export", compared[0], *other).err


def test_without_data_it_says_what_to_give(unfreeze_cli: Cli, compared: Compared, tmp_path: Path) -> None:
    alone = tmp_path / "model"
    run = best_run(compared[0])
    source = run / "model-merged" if (run / "model-merged").is_dir() else run / "model"
    alone.mkdir()
    for file in source.iterdir():
        (alone / file.name).write_bytes(file.read_bytes())
    flags = ("--format", "merged", "--output", tmp_path / "new")
    called = unfreeze_cli("export", alone, *flags)
    assert called.code == 2 and "--unverified" in called.err and "Pass --test-file or --data" in called.err
    assert not (tmp_path / "new").exists()
    called = unfreeze_cli("export", alone, *flags, "--unverified")
    assert called.code == 0 and "not compared with the original (--unverified)" in called.out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--format", "tflite"), "invalid choice: 'tflite'"),
        (("--format", "merged", "--allow-difference", "-1"), "--allow-difference -1: expected hundredths"),
        (("--format", "merged", "--allow-difference", "nan"), "--allow-difference nan: expected hundredths"),
        (("--format", "merged", "--split", "dev"), "--split dev: this data has"),
        (("--format", "merged", "--data", "sample:qa"), "but this data is for question-answering"),
    ],
)
def test_mistakes_are_a_line_and_leave_nothing(
    unfreeze_cli: Cli, compared: Compared, tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    called = unfreeze_cli("export", compared[0], "--output", tmp_path / "new", *flags)
    assert called.code == 2 and said in called.err and "Traceback" not in called.err
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_there_and_a_folder_that_is(
    unfreeze_cli: Cli, compared: Compared, tmp_path: Path, family_folder: Callable[..., str]
) -> None:
    called = unfreeze_cli(
        *("export", tmp_path / "none", "--format", "merged", "--output", tmp_path / "new", "--unverified")
    )
    assert called.code == 2 and "no model found" in called.err
    headless = family_folder("bert")
    called = unfreeze_cli("export", headless, "--format", "onnx", "--output", tmp_path / "new")
    assert called.code == 2 and "no task that it has a head for" in called.err  # before data is asked for
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").touch()
    called = unfreeze_cli("export", compared[0], "--format", "merged", "--output", tmp_path / "used")
    assert called.code == 2 and "is not empty, and nothing is overwritten" in called.err
    assert called.err.count("\n") == 1  # before anything was loaded


@pytest.mark.slow
def test_onnx_and_int8_are_predicted_and_evaluated_like_any_folder(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str, tmp_path: Path
) -> None:
    for needed in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(needed)
    output, _ = compared
    expected = unfreeze_cli("predict", output, "happy anna in berlin", "grief")
    for format, allowed in (("onnx", 0.5), ("onnx-int8", 100)):
        called = unfreeze_cli(
            *("export", output, "--format", format, "--output", tmp_path / format, "--allow-difference", allowed)
        )
        assert called.code == 0 and "(ONNX opset 18)" in called.out, called.err
        found = unfreeze_cli("predict", tmp_path / format, "happy anna in berlin", "grief")
        assert found.code == 0 and found.out.count("\n") == 2
        test = next(data_folders[task].glob("test.*"))
        scored = unfreeze_cli("evaluate", tmp_path / format, "--test-file", test, "--json")
        if format == "onnx":
            assert strings(found.out) == strings(expected.out)
            record = read_record(best_run(output))
            assert json.loads(scored.out)["metrics"] == pytest.approx(record.test, abs=1e-4)
    called = unfreeze_cli("train", "--model", tmp_path / "onnx", "--data", data_folders[task], "--max-steps", 1)
    assert called.code == 2 and "which only predicts" in called.err


def strings(printed: str) -> list[Any]:
    """Answers without their numbers."""
    rows = [json.loads(line) for line in printed.splitlines()]
    return [[one for one in str(row).split("'") if not any(c.isdigit() for c in one)] for row in rows]
