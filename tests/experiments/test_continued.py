"""A folder that more strategies, seeds or models are added to: only what is missing runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.settings import SettingsError
from unfreeze.storage.folders import OutputError
from unfreeze.storage.records import read_record
from unfreeze.strategies import Full
from unfreeze.training.loop import Trainer

RunComparison = Callable[..., Comparison]


class Started(Listener):
    """Which runs were made, and what was said."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, str, int]] = []
        self.texts: list[str] = []

    def said(self, text: str) -> None:
        self.texts.append(text)

    def run_started(self, cell: Any, number: int) -> None:
        self.runs.append((Path(cell.model).name, str(cell.strategy), cell.seed))


def runs_of(done: Comparison) -> set[tuple[str, str, int]]:
    return {(Path(record.model_name).name, record.strategy, record.seed) for record in done.records}


def test_only_what_is_missing_runs(
    run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    bert, other = (Path(family_folder(name)).name for name in ("bert", "distilbert"))
    output = tmp_path / "out"
    first = run_comparison(output, strategy=["full"], seeds=2)
    times = {path: path.stat().st_mtime_ns for path in output.rglob("model.safetensors")}

    for changes, expected in (
        ({"strategy": ["full"], "seeds": 2}, []),
        ({"strategy": ["full", "head"], "seeds": 2}, [(bert, "head", 42), (bert, "head", 43)]),
        ({"strategy": ["full"], "seeds": 3}, [(bert, "full", 44)]),
        ({"strategy": ["lora:r=2"], "seeds": 1}, [(bert, "lora:r=2", 42)]),
        ({"strategy": ["head"], "model": family_folder("distilbert"), "seeds": 1}, [(other, "head", 42)]),
    ):
        started = Started()
        done = run_comparison(output, listener=started, **changes)
        assert started.runs == expected
    assert all(path.stat().st_mtime_ns == when for path, when in times.items())
    assert runs_of(done) >= runs_of(first)
    assert len(done.records) == 2 + 2 + 1 + 1 + 1  # all of them are compared
    written = yaml.safe_load((output / "settings.yaml").read_text())
    assert written["strategy"] == ["full", "head", "lora:r=2"] and written["seeds"] == 3
    assert len(written["model"]) == 2


def test_said_how_many_runs_are_there(run_comparison: RunComparison, tmp_path: Path) -> None:
    run_comparison(tmp_path / "out", strategy=["full"])
    started = Started()
    run_comparison(tmp_path / "out", strategy=["full", "head"], listener=started)
    assert f"1 of 2 runs are in {tmp_path / 'out'} already" in started.texts


def test_a_continued_comparison_equals_one_in_one_go(run_comparison: RunComparison, tmp_path: Path) -> None:
    run_comparison(tmp_path / "steps", strategy=["full"], seeds=2)
    steps = run_comparison(tmp_path / "steps", strategy=["full", "head"], seeds=2)
    whole = run_comparison(tmp_path / "whole", strategy=["full", "head"], seeds=2)
    assert [(r.strategy, r.seed, r.validation, r.test, r.model) for r in steps.records] == [
        (r.strategy, r.seed, r.validation, r.test, r.model) for r in whole.records
    ]
    assert steps.summary["comparisons"] == whole.summary["comparisons"]
    assert steps.recommended == whole.recommended


def test_a_failed_run_is_made_again(
    run_comparison: RunComparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Trainer, "train", lambda *args: 1 / 0)
        done = run_comparison(tmp_path / "out")
        assert done.records[0].error == "ZeroDivisionError: division by zero"
    done = run_comparison(tmp_path / "out")
    assert [record.status for record in done.records] == ["done"] and done.records[0].error is None


def test_what_a_killed_process_left_beside_a_run_goes(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out")
    run = done.best
    (run / "checkpoints" / "step-000000001").mkdir(parents=True)
    run_comparison(tmp_path / "out")
    assert not (run / "checkpoints").exists()
    (run / "record.json").unlink()
    for left in (".model.17.tmp", ".predictions.jsonl.17.tmp"):
        (run / left).touch()
    run_comparison(tmp_path / "out")
    assert not [path.name for path in run.iterdir() if path.name.startswith(".")]


def test_two_strategies_of_one_name_are_refused(run_comparison: RunComparison, tmp_path: Path) -> None:
    class Other(Full):
        pass

    with pytest.raises(SettingsError, match="--strategy full: two different strategies are called that"):
        run_comparison(tmp_path / "out", strategy=[Full(), Other()])


def test_a_run_that_was_cut_off_is_made_again(run_comparison: RunComparison, tmp_path: Path) -> None:
    first = run_comparison(tmp_path / "out", seeds=2)
    (first.output / "comparison.json").unlink()
    (first.best / "record.json").unlink()
    started = Started()
    again = run_comparison(tmp_path / "out", seeds=2, listener=started)
    assert len(started.runs) == 1
    assert again.records[0].validation == first.records[0].validation


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 1}, "--epochs was 2 and is now 1"),
        ({"max_length": 40}, "--max-length was 48 and is now 40"),
        ({"seed": 7}, "--seed was 42 and is now 7"),
        ({"budget": "steps=2", "epochs": None}, "--budget was None and is now steps=2"),
        ({"max_train_samples": 20}, "other data"),
    ],
)
def test_another_question_needs_another_folder(
    run_comparison: RunComparison, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    run_comparison(tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match="--overwrite") as raised:
        run_comparison(tmp_path / "out", **changes)
    assert said in str(raised.value)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_other_weights_under_the_same_name_are_refused(
    run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    from shutil import copytree

    from safetensors.torch import load_file, save_file

    model = Path(copytree(family_folder("bert"), tmp_path / "model"))
    first = run_comparison(tmp_path / "out", model=str(model))
    weights = load_file(model / "model.safetensors")
    weights = {name: 0.5 * tensor if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(OutputError, match=f"holds runs of {model} with other files in it"):
        run_comparison(tmp_path / "out", model=str(model))
    assert len(run_comparison(tmp_path / "other", model=str(model)).records) == len(first.records)


def test_the_address_is_of_the_content(run_comparison: RunComparison, tmp_path: Path) -> None:
    plain, cut = (
        run_comparison(tmp_path / name, max_train_samples=size) for name, size in (("plain", None), ("cut", 20))
    )
    assert plain.records[0].model != cut.records[0].model
    assert read_record(plain.best).data_sha256 == plain.summary["data"]["sha256"]


def test_what_a_driver_that_died_was_putting_in_place_goes(
    run_comparison: Callable[..., Comparison], tmp_path: Path
) -> None:
    """Runs made elsewhere are put in place whole; a kill in the middle leaves the folder of before, or a half."""
    run_comparison(tmp_path / "out")
    [run] = (tmp_path / "out").glob("runs/*/*/*")
    half = [run.with_name(f".{run.name}.123.tmp"), run / ".checkpoints.123.tmp"]
    for one in half:
        one.mkdir()
    before = run.rename(run.with_name(f".{run.name}.124.old"))
    run_comparison(tmp_path / "out")
    assert run.is_dir() and not before.exists() and not any(one.exists() for one in half)
