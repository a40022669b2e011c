"""Events come back as they were written; what is damaged is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from unfreeze.storage import disk
from unfreeze.storage.journal import JOURNAL_FILE, entries, log_event


def test_events_come_back(tmp_path: Path) -> None:
    assert entries(tmp_path) == ([], 0)
    log_event(tmp_path, "begun", cells=3, name="é")
    log_event(tmp_path, "stopped", by=KeyboardInterrupt)
    found, damaged = entries(tmp_path)
    assert damaged == 0 and [entry["event"] for entry in found] == ["begun", "stopped"]
    assert found[0]["cells"] == 3 and found[0]["name"] == "é" and found[0]["time"]


def test_a_torn_line_is_counted_and_then_cut_off(tmp_path: Path) -> None:
    log_event(tmp_path, "begun")
    log_event(tmp_path, "stopped")
    file = tmp_path / JOURNAL_FILE
    file.write_bytes(file.read_bytes()[:-5])
    assert [entry["event"] for entry in entries(tmp_path)[0]] == ["begun"] and entries(tmp_path)[1] == 1
    log_event(tmp_path, "begun")
    assert [entry["event"] for entry in entries(tmp_path)[0]] == ["begun", "begun"] and entries(tmp_path)[1] == 0


def test_a_full_disk_costs_the_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    log_event(tmp_path, "begun")
    monkeypatch.setattr(disk, "append", full)
    log_event(tmp_path, "stopped")
    assert [entry["event"] for entry in entries(tmp_path)[0]] == ["begun"]


def test_changed_lines_are_counted(tmp_path: Path) -> None:
    for event in ("one", "two", "three"):
        log_event(tmp_path, event)
    file = tmp_path / JOURNAL_FILE
    file.write_text(file.read_text().replace("two", "too"))
    found, damaged = entries(tmp_path)
    assert ([entry["event"] for entry in found], damaged) == (["one", "three"], 1)
    file.write_bytes(b"{\n[]\n" + b"[" * 3000 + b"\n\xff\n")
    assert entries(tmp_path) == ([], 4)
