"""TensorBoard's own reader finds in the event files what the records say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.records import find_runs, read_record

pytestmark = pytest.mark.slow
pytest.importorskip("tensorboard")

Reported = Callable[..., Any]


def accumulated(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    return EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()


def curve(events: Any, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in events.Scalars(name)]


def single(values: list[tuple[int, float]]) -> list[tuple[int, Any]]:
    """As event files hold them: with the precision of 32 bits."""
    return [(step, pytest.approx(value, rel=1e-6, abs=1e-12)) for step, value in values]


def check(output: Path) -> None:
    """Every run has its folder, and in it once what its record says."""
    for folder in find_runs(output):
        record = read_record(folder)
        events = accumulated(output / "tensorboard" / folder.relative_to(output / "runs"))
        steps = [step for step, _ in curve(events, "train/loss")]
        assert steps == list(range(1, (record.steps or 0) + 1))
        for name in record.history[0]["validation"]:
            expected = [(one["step"], one["validation"][name]) for one in record.history]
            assert curve(events, f"validation/{name}") == single(expected)
        for name, value in record.test.items():
            assert curve(events, f"test/{name}") == single([(record.steps or 0, value)])
        chosen = hyperparameters(events)
        assert chosen["strategy"] == record.strategy and chosen["seed"] == record.seed
        assert chosen["learning_rate"] == record.learning_rate
        assert chosen["trainable_parameters"] == record.trainable_parameters


def hyperparameters(events: Any) -> dict[str, Any]:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = HParamsPluginData.FromString(content).session_start_info
    kinds = {"number_value": float, "string_value": str, "bool_value": bool}
    return {
        name: kinds[value.WhichOneof("kind")](getattr(value, value.WhichOneof("kind")))
        for name, value in start.hparams.items()
    }


def texts(events: Any) -> dict[str, str]:
    tags = [tag for tag in events.Tags()["tensors"] if tag.endswith("/text_summary")]
    found = {}
    for tag in tags:
        *_, last = events.Tensors(tag)
        found[tag.removesuffix("/text_summary")] = last.tensor_proto.string_val[0].decode()
    return found


def test_event_files_say_what_the_records_say(reported: Reported, tmp_path: Path) -> None:
    done, said = reported(tmp_path / "out", "tensorboard", seeds=2)
    check(done.output)
    assert f"reported to tensorboard: tensorboard --logdir {done.output / 'tensorboard'}" in said
    told = texts(accumulated(done.output / "tensorboard"))
    assert told["recommended"] == "full" and told["status"] == "done"
    assert done.summary["data"]["sha256"] in told["parameters"]
    assert told["leaderboard.md"] == (done.output / "leaderboard.md").read_text()


def test_an_interrupted_comparison_has_every_step_once(reported: Reported, tmp_path: Path) -> None:
    done, _ = reported(tmp_path / "out", "tensorboard", seeds=2, interrupt=(2, 7))
    assert done is None
    done, _ = reported(tmp_path / "out", "tensorboard", seeds=2)
    check(done.output)
    assert len(find_runs(done.output)) == 2
    assert texts(accumulated(done.output / "tensorboard"))["status"] == "done"


def test_a_folder_that_cannot_be_written_costs_no_run(
    reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder disappears while the first run trains, and a file takes its place."""
    from unfreeze.experiments.trackers.tensorboard import TensorBoardRun

    metrics = TensorBoardRun.metrics

    def after_the_folder_has_gone(run: Any, values: Any, step: int) -> None:
        if step == 3 and not run.is_comparison and run.folder.is_dir():
            shutil.rmtree(tmp_path / "out" / "tensorboard")
            (tmp_path / "out" / "tensorboard").touch()
        metrics(run, values, step)

    monkeypatch.setattr(TensorBoardRun, "metrics", after_the_folder_has_gone)
    done, said = reported(tmp_path / "out", "tensorboard")
    assert [record.status for record in done.records] == ["done"]
    assert len([line for line in said if "tensorboard broke: " in line]) == 1
    assert "Traceback" not in capfd.readouterr().err


def test_a_link_that_leads_out_is_refused(reported: Reported, tmp_path: Path) -> None:
    reported(tmp_path / "out", "none", max_steps=1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "tensorboard").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="points outside of the comparison"):
        reported(tmp_path / "out", "tensorboard", max_steps=1)
    assert list((tmp_path / "elsewhere").iterdir()) == []
