"""One process at a time writes a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unfreeze.storage import disk
from unfreeze.storage.folders import OutputError, claim_output
from unfreeze.storage.run_lock import refuse_if_locked, renewed_folder, run_lock

HOLDER = """
import sys, time
from pathlib import Path
from unfreeze.storage.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_owner_is_refused_by_name(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        for again in (lambda: run_lock(tmp_path).__enter__(), lambda: refuse_if_locked(tmp_path)):
            with pytest.raises(OutputError, match=rf"process {os.getpid()} \(since .*\) is writing there"):
                again()
    with run_lock(tmp_path):
        pass
    refuse_if_locked(tmp_path)


def test_a_killed_owner_blocks_nobody_and_its_leftovers_go(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None and owner.stdout.readline() == "locked\n"
    with pytest.raises(OutputError, match=f"process {owner.pid} "):
        refuse_if_locked(tmp_path)
    (tmp_path / ".settings.yaml.17.tmp").write_text("half")
    (tmp_path / ".model.17.old").mkdir()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    begin = time.monotonic()
    with run_lock(tmp_path):
        assert time.monotonic() - begin < 5
        assert not (tmp_path / ".settings.yaml.17.tmp").exists()
        assert (tmp_path / "model").is_dir()  # it died between two renames: the old one is back


def test_a_renewed_folder_is_ours_from_its_first_instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "settings.yaml").write_text("old")
    real = disk.rename

    def rename(path: Path, target: Path) -> None:
        real(path, target)
        if target == folder:
            with pytest.raises(OutputError, match=rf"process {os.getpid()} "):
                refuse_if_locked(folder)

    monkeypatch.setattr(disk, "rename", rename)
    with run_lock(folder), renewed_folder(folder):
        assert not (folder / "settings.yaml").exists()
        assert (tmp_path / "out.1" / "settings.yaml").read_text() == "old"
        with pytest.raises(OutputError, match="is writing there"):
            refuse_if_locked(folder)
    refuse_if_locked(folder)
    with run_lock(folder), renewed_folder(folder):  # nothing in it: nothing to move
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.1"]


def test_one_that_takes_the_name_in_between_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "settings.yaml").write_text("old")
    real = disk.rename

    def rename(path: Path, target: Path) -> None:
        if target == folder:
            folder.mkdir()
            (folder / "theirs").touch()
        real(path, target)

    monkeypatch.setattr(disk, "rename", rename)
    with pytest.raises(OutputError, match="is writing there"), renewed_folder(folder):
        pass
    assert [one.name for one in folder.iterdir()] == ["theirs"] and (tmp_path / "out.1").is_dir()


@pytest.mark.parametrize("name", ["runs", "report"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "victim").mkdir()
    (folder := tmp_path / "out").mkdir()
    (folder / name).symlink_to(tmp_path / "victim")
    with pytest.raises(OutputError, match="leads out of the folder"):
        run_lock(folder).__enter__()
    refuse_if_locked(folder)


def test_a_locked_folder_is_empty_all_the_same(tmp_path: Path) -> None:
    with run_lock(tmp_path / "new"):
        claim_output(tmp_path / "new")
    with pytest.raises(OutputError, match="is a file"):
        (tmp_path / "file").write_text("")
        run_lock(tmp_path / "file").__enter__()
