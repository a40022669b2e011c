"""Arrays in files without a name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from unfreeze.storage.mapped import Touched, scratch_array


def test_it_holds_what_is_written_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = scratch_array((3, 4), np.float32)
    assert not array.any()
    array[1] = 7
    assert array.sum() == 28
    assert not list(tmp_path.iterdir())


def test_of_nothing(tmp_path: Path) -> None:
    assert scratch_array((0, 4), np.int32).shape == (0, 4)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room")
def test_without_room_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="no space"):
        scratch_array((3, 4), np.float32)


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="the system does not tell what is held")
def test_what_was_touched_is_given_back_and_stays_written(tmp_path: Path) -> None:
    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")  # of files

    array = scratch_array((64, 2**20), np.uint8)
    before = held()
    touched = Touched()
    for i in range(64):
        array[i] = i + 1
        touched.add(2**20, array)
    assert held() - before < 2**25  # of 2 ** 26
    assert array[:, 0].tolist() == list(range(1, 65))
