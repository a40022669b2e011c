"""Large tables that can be made again: memory-mapped, known by their content, bounded, checked before use."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unfreeze.storage.atomic import write_json

LIMIT_BYTES = 20 * 2**30  # of all files together; the oldest make room
SPARE = 0.5  # the share of the free disk that may be taken at most
BLOCK = 2**24


def cache_folder() -> Path:
    """Where they lie: in $UNFREEZE_CACHE, by default ~/.cache/unfreeze."""
    return Path(os.environ.get("UNFREEZE_CACHE") or Path.home() / ".cache" / "unfreeze") / "features"


@dataclass(frozen=True)
class FeatureFiles:
    """The tables in one folder; each is a file of rows and a small one that says what is in it."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def find(self, key: str, shape: tuple[int, int], dtype: str) -> npt.NDArray[np.generic] | None:
        """The table of this key, read-only; None if there is none. A damaged or foreign one is removed."""
        rows, about = self._paths(key)
        if not about.is_file():
            return None
        try:
            said = json.loads(about.read_text(encoding="utf-8"))
            whole = said == {"key": key, "shape": list(shape), "dtype": dtype, "crc32": _checksum(rows)}
        except (OSError, ValueError):
            whole = False
        if not whole:
            self._remove(key)
            return None
        os.utime(about)  # used now: not among the oldest
        return np.asarray(np.memmap(rows, dtype=dtype, mode="r", shape=shape))

    def has_room(self, size: int) -> bool:
        """Can a table of so many bytes be made? Older ones go for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if size > self.limit_bytes or size > SPARE * shutil.disk_usage(self.folder).free:
            return False
        known = sorted(self.folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        taken = sum(file.stat().st_size for file in self.folder.iterdir())
        for about in known:
            if taken + size <= self.limit_bytes:
                break
            taken -= sum(file.stat().st_size for file in self._paths(about.stem) if file.exists())
            self._remove(about.stem)
        return True

    @contextmanager
    def make(self, key: str, shape: tuple[int, int], dtype: str) -> Iterator[npt.NDArray[np.generic]]:
        """A new table to be filled; it is there whole once the body has ended, or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        rows, about = self._paths(key)
        temporary = rows.with_name(f".{rows.name}.{os.getpid()}.tmp")
        try:
            table = np.memmap(temporary, dtype=dtype, mode="w+", shape=shape)
            yield table
            table.flush()
            checksum = _checksum(temporary)
            temporary.replace(rows)
            write_json(about, {"key": key, "shape": list(shape), "dtype": dtype, "crc32": checksum})
        finally:
            temporary.unlink(missing_ok=True)

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"{key}.rows", self.folder / f"{key}.json"

    def _remove(self, key: str) -> None:
        for file in self._paths(key):
            file.unlink(missing_ok=True)


def _checksum(file: Path) -> int:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            value = zlib.crc32(block, value)
    return value
