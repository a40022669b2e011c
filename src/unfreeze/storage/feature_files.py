"""Large tables that can be made again: memory-mapped, known by their content, bounded, checked before use."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from unfreeze.storage.atomic import write_json
from unfreeze.storage.mapped import reserve

LIMIT_BYTES = 20 * 2**30  # of all files together; the oldest make room
SPARE = 0.5  # the share of the free disk that may be taken at most
BLOCK = 2**24
STALE_SECONDS = 24 * 3600  # so old, a temporary file is nobody's


def cache_folder() -> Path:
    """Where they lie: in $UNFREEZE_CACHE, by default ~/.cache/unfreeze."""
    return Path(os.environ.get("UNFREEZE_CACHE") or Path.home() / ".cache" / "unfreeze") / "features"


@dataclass(frozen=True)
class Kept:
    """A table that was found."""

    rows: npt.NDArray[np.generic]  # read-only
    seconds: float  # that making it took, whoever made it


@dataclass(frozen=True)
class FeatureFiles:
    """The tables in one folder; each is a file of rows and a small one that says what is in it."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def find(self, key: str, shape: tuple[int, int], dtype: str) -> Kept | None:
        """The table of this key; None if there is none. A damaged or foreign one is removed."""
        rows, about = self._paths(key)
        if not about.is_file():
            return None  # perhaps another process is about to write it
        try:
            said = json.loads(about.read_text(encoding="utf-8"))
            seconds = float(said.pop("seconds"))
            if said == {"key": key, "shape": list(shape), "dtype": dtype, "crc32": _checksum(rows)}:
                with suppress(OSError):  # another user's
                    os.utime(about)  # used now: not among the oldest
                return Kept(np.asarray(np.memmap(rows, dtype=dtype, mode="r", shape=shape)), seconds)
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            pass  # damaged, or removed by another process just now
        self._remove(key)
        return None

    def holds(self, key: str) -> bool:
        """Is there something under this key? Whether it is whole, `find` says."""
        return self._paths(key)[1].is_file()

    def alone(self, key: str) -> AbstractContextManager[object]:
        """Inside, no other process makes the table of this key."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / f"{key}.lock")

    def has_room(self, size: int) -> bool:
        """Can tables of so many bytes be made? Older ones go for them, and what a killed process left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if size > self.limit_bytes or size > SPARE * shutil.disk_usage(self.folder).free:
            return False
        files = {file: known for file in self.folder.iterdir() if (known := _size_and_change(file)) is not None}
        for file, (_, changed) in list(files.items()):
            lonely = file.suffix in (".tmp", ".lock") or (
                file.suffix == ".rows" and file.with_suffix(".json") not in files
            )
            if lonely and time.time() - changed > STALE_SECONDS:
                file.unlink(missing_ok=True)
                del files[file]
        taken = sum(bytes_ for bytes_, _ in files.values())
        tables = {
            about.stem: sum(files[file][0] for file in self._paths(about.stem) if file in files)
            for about in sorted(files, key=lambda file: files[file][1])
            if about.suffix == ".json"
        }  # oldest first
        if taken - sum(tables.values()) + size > self.limit_bytes:
            return False
        for key, bytes_ in tables.items():
            if taken + size <= self.limit_bytes:
                break
            taken -= bytes_
            self._remove(key)
        return True

    @contextmanager
    def make(
        self, key: str, shape: tuple[int, int], dtype: str, share: float = 1.0, seconds: float | None = None
    ) -> Iterator[npt.NDArray[np.generic]]:
        """A new table to be filled; it is there whole once the body has ended, or not at all.

        Args:
            share: of the body's time, what filling this table alone would have taken.
            seconds: that making it took, where this copies one of another machine; None: the body is timed.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        begin = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        rows, about = self._paths(key)
        temporary = rows.with_name(f".{rows.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            with temporary.open("wb") as file:
                reserve(file, shape[0] * shape[1] * np.dtype(dtype).itemsize)
            table = np.memmap(temporary, dtype=dtype, mode="r+", shape=shape)
            yield table
            table.flush()
            checksum = _checksum(temporary)
            temporary.replace(rows)
            took = round(share * (time.perf_counter() - begin), 3) if seconds is None else seconds
            said = {"key": key, "shape": list(shape), "dtype": dtype, "crc32": checksum, "seconds": took}
            write_json(about, said)
        finally:
            temporary.unlink(missing_ok=True)

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"{key}.rows", self.folder / f"{key}.json"

    def _remove(self, key: str) -> None:
        for file in self._paths(key):
            with suppress(OSError):  # another user's: it is not used, and stays
                file.unlink(missing_ok=True)


def _checksum(file: Path) -> int:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            value = zlib.crc32(block, value)
    return value


def _size_and_change(file: Path) -> tuple[int, float] | None:
    """Bytes and time of change; None if it is gone."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime
