"""One process at a time writes a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unfreeze.storage.folders import OutputError, claim_output
from unfreeze.storage.run_lock import refuse_if_locked, run_lock

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


def test_a_locked_folder_is_empty_all_the_same(tmp_path: Path) -> None:
    with run_lock(tmp_path / "new"):
        claim_output(tmp_path / "new")
    with pytest.raises(OutputError, match="is a file"):
        (tmp_path / "file").write_text("")
        run_lock(tmp_path / "file").__enter__()
