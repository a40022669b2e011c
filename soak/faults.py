"""Faults of the disk: what would happen if the process died, or the disk failed, at the i-th operation on it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfreeze.storage import disk

OPERATIONS = ("make_folder", "write", "produce", "append", "truncate", "sync", "link", "rename", "remove")


class Died(BaseException):
    """The process is dead: nothing that it does reaches the disk any more."""


@dataclass
class Operation:
    """What was done, with what is needed to do it again."""

    kind: str
    path: Path
    target: Path | None = None  # of a rename or link
    content: bytes | None = None  # what the file holds then


@dataclass
class Record:
    """The operations so far."""

    operations: list[Operation] = field(default_factory=list)


@contextmanager
def dying_at(number: int) -> Iterator[None]:
    """The process dies within this operation, counted from 0: a write is cut in half, others do not happen."""
    done = 0

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(path: Path, *args: Any) -> None:
            nonlocal done
            if done > number:
                raise Died
            if done == number:
                done += 1
                if name in ("write", "produce"):
                    real(path, *args)
                    os.truncate(path, path.stat().st_size // 2)
                elif name == "append":
                    real(path, args[0][: len(args[0]) // 2])
                elif name == "remove" and path.is_dir():
                    _remove_half(path)
                raise Died
            done += 1
            real(path, *args)

        return operation

    with _wrapped(wrap):
        yield


@contextmanager
def failing_at(number: int, code: int = errno.ENOSPC) -> Iterator[None]:
    """This operation fails, and from it on all that need room; what only removes or renames works."""
    done = 0

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(path: Path, *args: Any) -> None:
            nonlocal done
            fails = done == number or (done > number and name in ("write", "produce", "append", "link", "make_folder"))
            done += 1
            if fails and name in ("write", "produce"):
                real(path, *args)
                os.truncate(path, path.stat().st_size // 2)
            if fails and name != "remove":
                raise OSError(code, os.strerror(code), str(path))
            real(path, *args)

        return operation

    with _wrapped(wrap):
        yield


@contextmanager
def recorded() -> Iterator[Record]:
    """All operations happen, and are remembered."""
    record = Record()

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(path: Path, *args: Any) -> None:
            real(path, *args)
            target = args[0] if name in ("rename", "link") else None
            content = path.read_bytes() if name in ("write", "produce", "append") else None
            record.operations.append(Operation(name, path, target, content))

        return operation

    with _wrapped(wrap):
        yield record


@dataclass
class _File:
    """What programs see, and what the disk is sure to hold."""

    seen: bytes
    durable: bytes = b""

    def sync(self) -> None:
        """What is seen is safe."""
        self.durable = self.seen


@dataclass
class _Folder:
    seen: dict[str, _File | _Folder] = field(default_factory=dict)
    durable: dict[str, _File | _Folder] = field(default_factory=dict)

    def sync(self) -> None:
        """The names that are seen are safe."""
        self.durable = dict(self.seen)


def after_power_loss(before: Path, root: Path, operations: list[Operation], into: Path, *, names_arrive: bool) -> None:
    """Build in `into` what a disk may hold when the power went after these operations.

    What was written and not synced is lost: the file is empty. Names that were changed in folders that were not synced
    have all arrived, or none of them (`names_arrive`).

    Args:
        before: a copy of the folder as it was before the first operation.
        root: the folder that the operations were made in.
    """
    tree = _read(before)

    def folder(path: Path) -> _Folder:
        found: Any = tree
        for name in path.relative_to(root).parts:
            found = found.seen[name]
        assert isinstance(found, _Folder)
        return found

    for one in operations:
        parent = folder(one.path.parent) if one.path != root else _Folder({one.path.name: tree})
        name = one.path.name
        if one.kind in ("write", "produce", "append"):
            _write_seen(parent, name, one)
        elif one.kind == "sync":
            parent.seen[name].sync()
        elif one.kind == "make_folder":
            parent.seen[name] = _Folder()
        elif one.kind == "link":
            assert one.target is not None
            folder(one.target.parent).seen[one.target.name] = parent.seen[name]
        elif one.kind == "rename":
            assert one.target is not None
            folder(one.target.parent).seen[one.target.name] = parent.seen.pop(name)
        elif one.kind == "remove":
            parent.seen.pop(name, None)
    _write(tree, into, names_arrive)


def _write_seen(parent: _Folder, name: str, one: Operation) -> None:
    assert one.content is not None
    file = parent.seen.get(name) if one.kind == "append" else None
    file = file if isinstance(file, _File) else _File(b"")
    file.seen = one.content
    if one.kind == "append":
        file.sync()
    parent.seen[name] = file


def _read(path: Path) -> _Folder:
    entries: dict[str, _File | _Folder] = {
        one.name: _read(one) if one.is_dir() else _File(one.read_bytes(), one.read_bytes()) for one in path.iterdir()
    }
    return _Folder(dict(entries), dict(entries))


def _write(folder: _Folder, into: Path, names_arrive: bool) -> None:
    into.mkdir(parents=True)
    for name, one in (folder.seen if names_arrive else folder.durable).items():
        if isinstance(one, _Folder):
            _write(one, into / name, names_arrive)
        else:
            (into / name).write_bytes(one.durable)


def _remove_half(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    for file in files[: (len(files) + 1) // 2]:
        file.unlink()


@contextmanager
def _wrapped(wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    real = {name: getattr(disk, name) for name in OPERATIONS}
    for name, function in real.items():
        setattr(disk, name, wrap(name, function))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(disk, name, function)
