"""Files of a comparison that were replaced by something else: refused in a moment, without reading on and on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from unfreeze.storage.folders import OutputError
from unfreeze.storage.lines import read_lines
from unfreeze.storage.own_files import read_own


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("replace", [os.mkfifo, endless, Path.mkdir], ids=["pipe", "endless", "folder"])
@pytest.mark.parametrize("read", [read_own, lambda path: list(read_lines(path))], ids=["whole", "lines"])
def test_only_ordinary_files_are_read(
    tmp_path: Path, replace: Callable[[Path], None], read: Callable[[Path], object]
) -> None:
    replace(tmp_path / "record.json")
    with pytest.raises((OutputError, OSError)):
        read(tmp_path / "record.json")


def test_the_size_is_bounded(tmp_path: Path) -> None:
    (file := tmp_path / "record.json").write_bytes(b"12345")
    assert read_own(file) == read_own(file, 5) == b"12345"
    with pytest.raises(OutputError, match="has 5 bytes; expected at most 4"):
        read_own(file, 4)
