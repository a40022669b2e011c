"""One process at a time writes a folder. The system lets go of the lock when its owner dies, however it dies."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from unfreeze.storage import disk
from unfreeze.storage.atomic import remove_leftovers, write_json
from unfreeze.storage.folders import (
    LOCK_FILE,
    OWN_FILES,
    OWNER_FILE,
    OutputError,
    move_aside,
    refuse_file,
    refuse_links,
)


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Inside, no other process that asks writes in this folder; what one that died left half written is removed.

    Raises:
        OutputError: another one writes there, and who; or the folder cannot be written.
    """
    refuse_file(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK_FILE, timeout=0)
        lock.acquire()
    except Timeout:
        raise _taken(folder) from None
    except OSError as error:
        raise OutputError(f"--output {folder}: cannot be written ({error.strerror}). Choose another folder.") from None
    try:
        refuse_links(folder)
        remove_leftovers(folder)
        # For the message only: what decides is the lock.
        write_json(folder / OWNER_FILE, {"pid": os.getpid(), "since": time.strftime("%F %T")})
        yield
    finally:
        disk.remove(folder / OWNER_FILE)
        lock.release()


@contextmanager
def renewed_folder(folder: Path) -> Iterator[None]:
    """Inside, the folder is new and was this process's from its first instant; what it held is moved aside.

    Raises:
        OutputError: another process has taken its name in that instant.
    """
    if {file.name for file in folder.iterdir()} <= {*OWN_FILES}:
        yield
        return
    new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    disk.remove(new)
    new.mkdir()
    lock = FileLock(new / LOCK_FILE, timeout=0)
    with lock:
        write_json(new / OWNER_FILE, {"pid": os.getpid(), "since": time.strftime("%F %T")})
        move_aside(folder)
        try:
            disk.rename(new, folder)
        except OSError:
            disk.remove(new)
            raise _taken(folder) from None
        try:
            yield
        finally:
            disk.remove(folder / OWNER_FILE)


def refuse_if_locked(folder: Path) -> None:
    """Before anything slow is done; whoever goes on takes the lock later.

    Raises:
        OutputError: another process writes there.
    """
    if (folder / LOCK_FILE).is_file():
        lock = FileLock(folder / LOCK_FILE, timeout=0)
        try:
            with lock:
                return
        except Timeout:
            raise _taken(folder) from None


def _taken(folder: Path) -> OutputError:
    return OutputError(
        f"--output {folder}: {_owner(folder)} is writing there. Wait for it to end, or choose another folder."
    )


def _owner(folder: Path) -> str:
    try:
        said = json.loads((folder / OWNER_FILE).read_text(encoding="utf-8"))
        return f"process {int(said['pid'])} (since {str(said['since'])[:19]})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"  # it has just begun
