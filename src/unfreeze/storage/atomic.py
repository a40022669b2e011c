"""Files and folders that are there whole or not at all, also after a crash or a loss of power."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unfreeze.storage import disk


def write_bytes(path: Path, content: bytes) -> None:
    """Write under a temporary name, flush to disk, rename, flush the folder.

    Raises:
        OSError: the disk is full or fails; nothing has changed then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path, "tmp")
    try:
        disk.write(temporary, content)
        disk.sync(temporary)
        disk.rename(temporary, path)
    except BaseException:
        disk.remove(temporary)
        raise
    disk.sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """As write_bytes, in UTF-8. Halves of characters, which names and JSON can hold, become escapes."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Indented JSON; NaN and infinity are refused, because JSON has no such numbers."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder; it takes the place of `path` once everything in it is on disk.

    A folder that stood there is replaced. If the body raises, nothing changes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, replaced = _beside(path, "tmp"), _beside(path, "old")
    disk.remove(temporary)
    disk.make_folder(temporary)
    try:
        yield temporary
        _sync_all(temporary)
        if path.exists():
            disk.remove(replaced)  # of a process with this number that died
            disk.rename(path, replaced)
        disk.rename(temporary, path)
    except BaseException:
        if replaced.exists() and not path.exists():
            disk.rename(replaced, path)
        disk.remove(temporary)
        raise
    disk.sync(path.parent)
    disk.remove(replaced)


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder; it becomes `path` once everything in it is on disk. Only an empty folder is replaced.

    Several may do so at once, also from other machines: the first that is done has the name, the others fail.

    Raises:
        FileExistsError: something lies there by then. If the body raises, nothing changes either.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process's number: two machines, or two threads, may have the same.
    temporary = path.with_name(f".{path.name}.{secrets.randbits(64)}.tmp")
    disk.make_folder(temporary)
    try:
        yield temporary
        _sync_all(temporary)
        try:
            disk.rename(temporary, path)  # the system refuses where it would replace more than an empty folder
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            raise
    except BaseException:
        disk.remove(temporary)
        raise
    disk.sync(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that died was writing in a folder. Nobody else may be writing there."""
    for left in [*folder.iterdir()] if folder.is_dir() else []:
        # The names that `_beside` gives, no others: somebody's `.notes.old` is not ours.
        if not (found := re.fullmatch(r"\.(.+)\.\d+\.(tmp|old)", left.name)):
            continue
        original = folder / found[1]
        if found[2] == "old" and not original.exists():
            disk.rename(left, original)  # it died between two renames
        else:
            disk.remove(left)


def _beside(path: Path, kind: str) -> Path:
    """The name that a file has until it is whole, or until it is removed."""
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


def _sync_all(folder: Path) -> None:
    """What is in a folder first: a name must not reach the disk before its content."""
    for file in sorted(folder.rglob("*")):
        disk.sync(file)
    disk.sync(folder)
