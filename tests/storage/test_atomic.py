"""A file or folder is there whole or not at all, whenever the program dies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unfreeze.storage import disk
from unfreeze.storage.atomic import (
    fresh_folder,
    new_folder,
    remove_leftovers,
    write_bytes,
    write_json,
    write_text,
)
from unfreeze.storage.lines import read_lines, write_lines
from unfreeze.storage.records import RunRecord, find_runs, read_record, write_record


class PowerCut(BaseException):
    """Neither an error nor caught as one."""


@pytest.fixture
def power_cut_at_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*args: object) -> None:
        raise PowerCut

    monkeypatch.setattr(Path, "replace", cut)
    monkeypatch.setattr(Path, "rename", cut)


def test_a_written_file_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    for content in (b"first", b"", b"a\r\n\xff"):
        write_bytes(path, content)
        assert path.read_bytes() == content
    write_text(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_a_crash_before_the_rename_leaves_the_old_content(tmp_path: Path, power_cut_at_rename: None) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")
    for write in (lambda: write_text(path, "new"), lambda: write_json(path, {}), lambda: write_lines(path, [{"a": 1}])):
        with pytest.raises(PowerCut):
            write()
        assert path.read_text() == "old"
        assert [one.name for one in tmp_path.iterdir()] == ["file.json"]


def test_a_crash_before_the_rename_leaves_no_half_run(tmp_path: Path, power_cut_at_rename: None) -> None:
    record = RunRecord("full", 1, "m", "classification", "done")
    with pytest.raises(PowerCut):
        write_record(tmp_path / "runs" / "m" / "full-000000" / "seed-1", record)
    assert find_runs(tmp_path) == []


def test_content_reaches_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    events: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (events.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda *args: (events.append("rename"), replace(*args))[1])
    write_text(tmp_path / "file", "content")
    assert events == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_has_no_nan(tmp_path: Path, number: float) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"score": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"score": number})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_lines(path, [{"score": number}])
    assert json.loads(path.read_text()) == {"score": 1.0}


def test_a_new_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "model"
    with new_folder(target) as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "file").write_text("1")
        assert not target.exists()
    assert (target / "inner" / "file").read_text() == "1"
    with new_folder(target) as temporary:
        (temporary / "other").write_text("2")
        assert (target / "inner" / "file").is_file()
    assert [path.name for path in target.iterdir()] == ["other"]
    assert [path.name for path in target.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, PowerCut])
def test_a_body_that_raises_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "model"
    for before in ([], ["old"]):
        with pytest.raises(error), new_folder(target) as temporary:
            (temporary / "half").write_text("1")
            raise error
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == before
        target.mkdir(exist_ok=True)
        (target / "old").write_text("0")


def test_a_crash_between_the_renames_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed there, the old one has another name; whoever comes next puts it back."""
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("0")
    rename, calls = disk.rename, []

    def cut_at_second(*args: Path) -> None:
        calls.append(args)
        if len(calls) >= 2:
            raise PowerCut
        rename(*args)

    monkeypatch.setattr(disk, "rename", cut_at_second)
    with pytest.raises(PowerCut), new_folder(target) as temporary:
        (temporary / "new").write_text("1")
    assert [path.read_text() for path in tmp_path.rglob("old")] == ["0"]
    monkeypatch.undo()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model"] and (target / "old").read_text() == "0"


def test_of_two_fresh_folders_the_first_that_is_done_has_the_name(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with pytest.raises(FileExistsError) as refused, fresh_folder(target) as slow:
        (slow / "file").write_text("slow")
        with fresh_folder(target) as quick:
            (quick / "file").write_text("quick")
            assert not target.exists()
    assert refused.value.filename == str(target)
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["quick"]
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_a_fresh_folder_replaces_only_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    with fresh_folder(tmp_path / "empty") as temporary:
        (temporary / "new").write_text("1")
    assert (tmp_path / "empty" / "new").read_text() == "1"
    with pytest.raises(FileExistsError), fresh_folder(tmp_path / "file"):
        pass
    for error in (RuntimeError, KeyboardInterrupt, PowerCut):
        with pytest.raises(error), fresh_folder(tmp_path / "other"):
            raise error
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "file"}
    with pytest.raises(RuntimeError), fresh_folder(tmp_path / "other") as temporary:
        (tmp_path / ".other.1.tmp").mkdir()  # as a process leaves it that dies
        raise RuntimeError
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "file"}


def test_lines_come_back_without_a_torn_last_one(tmp_path: Path) -> None:
    path = tmp_path / "log" / "lines.jsonl"
    rows = [{"a": 1}, {"text": "two\nlines\u2028\x85"}, {"ä": None}]
    write_lines(path, rows)
    assert list(read_lines(path)) == rows
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert list(read_lines(path)) == rows[: whole[:cut].count(b"\n")]
    write_lines(path, rows[:2])
    assert list(read_lines(path)) == rows[:2]


def test_a_record_of_a_newer_version_is_read(tmp_path: Path) -> None:
    record = RunRecord("lora:r=2", 3, "m", "tagging", "failed", error="why", notes=["a"])
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    values = json.loads((tmp_path / "record.json").read_text())
    assert values["schema_version"] == 1 and values["validation"] == {} and values["train_seconds"] is None
    write_json(tmp_path / "record.json", values | {"invented_later": 1})
    assert read_record(tmp_path) == record


def test_leftovers_of_others_stay(tmp_path: Path) -> None:
    for name in (".notes.old", ".draft.tmp", ".bashrc.bak.old", "a.12.tmp"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".record.json.12.tmp").write_text("half")
    (tmp_path / ".model.12.old").mkdir()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        ".notes.old",
        ".draft.tmp",
        ".bashrc.bak.old",
        "a.12.tmp",
        "model",
    }
    remove_leftovers(tmp_path / "nowhere")


def test_halves_of_characters_are_written_as_escapes(tmp_path: Path) -> None:
    value = {"text": "half \ud800 and ü \udcff"}
    write_json(tmp_path / "file.json", value)
    write_lines(tmp_path / "lines.jsonl", [value])
    assert json.loads((tmp_path / "file.json").read_text(encoding="utf-8")) == value
    assert list(read_lines(tmp_path / "lines.jsonl")) == [value]
    write_text(tmp_path / "file", "\ud800")
    assert (tmp_path / "file").read_text() == "\\ud800"
