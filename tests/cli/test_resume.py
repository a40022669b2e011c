"""`unfreeze compare --resume DIR` goes on with what the folder was told."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.journal import entries
from unfreeze.storage.records import find_runs

Cli = Callable[..., Any]
Compared = tuple[Path, Any]


@pytest.fixture
def copied(comparison_of: Callable[[str], Compared], tmp_path: Path) -> Path:
    """One task tells all."""
    return Path(shutil.copytree(comparison_of("classification")[0], tmp_path / "out"))


def test_what_is_finished_stays_and_what_is_missing_is_made(unfreeze_cli: Cli, copied: Path) -> None:
    runs = find_runs(copied)
    kept = {run: (run / "record.json").stat().st_mtime_ns for run in runs[1:]}
    weights = {file.relative_to(copied): file.read_bytes() for file in runs[0].rglob("*.safetensors")}
    (runs[0] / "record.json").write_bytes(b"{half")  # damaged: made again
    command = json.loads((copied / "environment.json").read_text())["command"]
    listed = unfreeze_cli("runs", copied)
    assert listed.code == 1 and "record.json: not valid JSON" in listed.err
    assert all(str(run.relative_to(copied)) in listed.out for run in runs[1:])
    called = unfreeze_cli("compare", "--resume", copied)
    assert called.code == 0, called.err
    assert called.err.count("record.json: not valid JSON") == called.err.count("not-used-record.json") == 1
    assert (runs[0] / "not-used-record.json").read_bytes() == b"{half"
    assert json.loads((copied / "environment.json").read_text())["command"] == command  # the report's, as before
    assert f"{len(runs) - 1} of {len(runs)} runs are in {copied} already" in called.err
    assert {run: (run / "record.json").stat().st_mtime_ns for run in runs[1:]} == kept
    assert {name: (copied / name).read_bytes() for name in weights} == weights
    events, damaged = entries(copied)
    assert damaged == 0 and [one["event"] for one in events][-3:] == ["begun", "run finished", "ended"]


def test_a_model_that_changed_since_is_refused(
    unfreeze_cli: Cli, copied: Path, tmp_path: Path, family_folder: Callable[..., str]
) -> None:
    identity = json.loads((copied / "identity.json").read_text())
    identity["weights"] = dict.fromkeys(identity["weights"], "other")
    (copied / "identity.json").write_text(json.dumps(identity))
    called = unfreeze_cli("compare", "--resume", copied)
    assert called.code == 2 and "with other files in it" in called.err


def test_a_precision_that_a_probe_would_not_choose_today_stays_and_is_said(unfreeze_cli: Cli, copied: Path) -> None:
    identity = json.loads((copied / "identity.json").read_text())
    [precision] = identity["precision"].values()
    precision["onednn_fp32"] = not precision["onednn_fp32"]
    (copied / "identity.json").write_text(json.dumps(identity))
    called = unfreeze_cli("compare", "--resume", copied)
    assert called.code == 0, called.err
    assert f"{precision['name']}, as the runs before (" in called.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--resume", "nowhere"), "--resume nowhere: no comparison there (no file settings.yaml)."),
        (("--resume", "out", "--seeds", "3"), "--resume out --seeds: the folder says that. Leave one out."),
        (("--resume", "memory"), "its data were in memory"),
        (("--resume", "broken"), "is no YAML that can be read"),
    ],
)
def test_mistakes(
    unfreeze_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("out", "seeds: 1"), ("memory", "data: <dict in memory>"), ("broken", "a: [")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.yaml").write_text(text)
    called = unfreeze_cli("compare", *arguments)
    assert called.code == 2 and said in called.err and called.out == ""


def test_a_terminated_command_says_so(unfreeze_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("unfreeze.cli.runs.call", terminated)
    try:
        called = unfreeze_cli("runs", "anything")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert called.code == 143 and called.err == "error: terminated\n"


def test_a_full_disk_is_said_in_a_line(unfreeze_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        error = OSError(28, "No space left on device", "out/record.json")
        error.add_note("`unfreeze compare --resume out` goes on")
        raise error

    monkeypatch.setattr("unfreeze.cli.runs.call", full)
    called = unfreeze_cli("runs", "anything")
    assert called.code == 1 and called.err == (
        "error: out/record.json: No space left on device. Make room, or mend the disk.\n"
        "error: `unfreeze compare --resume out` goes on\n"
    )


def test_without_room_nothing_begins(unfreeze_cli: Cli, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(find_runs(copied)[0])
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 10, 10))  # type: ignore[attr-defined]
    called = unfreeze_cli("compare", "--resume", copied)
    assert called.code == 2 and "Make room" in called.err and "1 runs need" in called.err
