"""`unfreeze speed`: its table, its JSON, and what it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
Compared = tuple[Path, Any]
QUICK = ("--rounds", "1", "--requests", "3")


@pytest.fixture(autouse=True)
def no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export takes long, and tests/inference/test_speed.py has one."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)


def test_engines_stand_beside_each_other_with_their_scores(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str, tmp_path: Path
) -> None:
    test = next(data_folders[task].glob("test.*"))
    called = unfreeze_cli("speed", compared[0], "--test-file", test, *QUICK, "--json", tmp_path / "speed.json")
    assert called.code == 0, called.err
    assert f"{compared[0]}: 12 texts, 1 threads, score: " in called.out
    for engine in ("stock pipeline, batch_size=1", "stock pipeline, batch_size=32", "unfreeze fp32"):
        assert f"\n{engine} " in called.out
    assert "threads: 1 for every engine" in called.err and "pip install -e '.[onnx]'" in called.err
    written = json.loads((tmp_path / "speed.json").read_text())
    assert (written["texts"], written["rounds"], written["requests"]) == (12, 1, 3)
    [ours] = [one for one in written["engines"] if one["engine"] == "unfreeze fp32"]
    scored = json.loads(unfreeze_cli("evaluate", compared[0], "--test-file", test, "--json").out)
    assert ours["score"] == pytest.approx(scored["metrics"][ours["metric"]], abs=1e-6)
    best = max(one["texts_per_second"] for one in written["engines"] if one["score"] is not None)
    fastest = [one for one in written["engines"] if one["texts_per_second"] == best]
    assert not fastest[0]["beaten"]


def test_several_models_and_texts_without_labels(unfreeze_cli: Cli, compared: Compared, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("the happy day\n\nanna saw berlin\n")
    runs = sorted({file.parent for file in compared[0].rglob("record.json")})[:2]
    called = unfreeze_cli("speed", *runs, "--text-file", tmp_path / "texts.txt", *QUICK, "--json", "-")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert found["texts"] == 2 and {one["model"] for one in found["engines"]} == {str(run) for run in runs}
    assert {one["score"] for one in found["engines"]} == {None}


def test_mistakes_are_a_line(
    unfreeze_cli: Cli, compared: Compared, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    output = compared[0]
    (tmp_path / "empty.txt").write_text("\n")
    for arguments, said in (
        ((output, "--rounds", "0"), "--rounds 0: expected a number of at least 1"),
        ((output, "--threads", "0", "--requests", "-2"), "--requests -2: expected a number"),
        ((tmp_path / "none",), "no model found"),
        ((output, "--text-file", tmp_path / "none.txt"), "cannot be read"),
        ((output, "--text-file", tmp_path / "empty.txt"), "no text to answer"),
        ((output, "--text-file", tmp_path / "empty.txt", "--data", "sample:emotion"), "not both"),
        ((output, "--data", "sample:qa"), "but this data is for question-answering"),
    ):
        called = unfreeze_cli("speed", *arguments, *QUICK[2:] if "--requests" not in arguments else ())
        assert called.code == 2 and said in called.err and "Traceback" not in called.err, called.err


def test_models_for_other_labels_are_not_compared(
    unfreeze_cli: Cli, compared: Compared, family_folder: Callable[..., str], task: str
) -> None:
    other = family_folder("distilbert", 2, "AutoModelForSequenceClassification")
    called = unfreeze_cli("speed", compared[0], other, *QUICK)
    assert called.code == 2 and "Compare models for one task" in called.err
