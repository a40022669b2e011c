"""Records that a run did not write are refused in one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.folders import OutputError
from unfreeze.storage.lines import read_lines
from unfreeze.storage.records import RunRecord, find_runs, read_comparison, read_record, write_record

RECORD = RunRecord("full", 1, "m", "classification", "done", validation={"accuracy": 1.0}, flops=12, model="runs/x")


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD
    assert type(read_record(tmp_path).flops) is int


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": {}}, "seed: "),
        ({"validation": "x"}, "validation: "),
        ({"validation": {"accuracy": [1]}}, r"validation\.accuracy: "),
        ({"status": "evil"}, "status: "),
        ({"model": 5}, "model: "),
    ],
)
def test_other_values_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / "record.json").write_text(json.dumps(asdict(RECORD) | change))
    with pytest.raises(OutputError, match=rf"record\.json: is no record of a run \({message}"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b"\x80\x04."])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("record.json", "comparison.json"):
        (tmp_path / name).write_bytes(content)
    for read in (read_record, read_comparison):
        with pytest.raises(OutputError, match="not valid JSON"):
            read(tmp_path)
    (tmp_path / "lines.jsonl").write_bytes(b"{}\n" + content + b"\n")
    with pytest.raises(OutputError, match=r"lines\.jsonl:2: "):
        list(read_lines(tmp_path / "lines.jsonl"))


def test_json_that_is_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("[1]")
    with pytest.raises(OutputError, match="expected a JSON object"):
        read_record(tmp_path)


def test_lines_that_are_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none\.jsonl: cannot be read \(No such file"):
        list(read_lines(tmp_path / "none.jsonl"))


def test_folders_that_are_no_run_are_passed_over(tmp_path: Path) -> None:
    for name in ("seed-x", "seed-", "seed-3"):
        write_record(tmp_path / "runs" / "m" / "full" / name, RECORD)
    assert [run.name for run in find_runs(tmp_path)] == ["seed-3"]
