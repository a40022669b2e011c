"""The operations that change files. All writers go through them, so that a test can fail, or die, at any one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

BLOCK = 2**22


def make_folder(path: Path) -> None:
    """Create a folder that is not there."""
    path.mkdir()


def write(path: Path, content: bytes | memoryview) -> None:
    """Write a file, block by block: a crash may leave any beginning of it."""
    with path.open("wb") as stream:
        view = memoryview(content)
        for start in range(0, max(1, len(view)), BLOCK):
            stream.write(view[start : start + BLOCK])


def produce(path: Path, maker: Callable[[Path], object]) -> None:
    """Let a library write a file."""
    maker(path)


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file with one write, and flush it."""
    with path.open("ab", buffering=0) as stream:
        stream.write(content)
        os.fsync(stream.fileno())


def truncate(path: Path, size: int) -> None:
    """Cut a file."""
    os.truncate(path, size)


def sync(path: Path) -> None:
    """Flush a file's content, or the names in a folder: else a rename can be lost although the content is safe."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link(path: Path, target: Path) -> None:
    """Give a file a second name; where the file system has no such thing, make a copy."""
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def rename(path: Path, target: Path) -> None:
    """Give a file or folder another name; a file of that name is replaced."""
    path.replace(target)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing happens if it is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
