"""The windows of a split, packed: numbers in a memory-mapped file without a name, which become `Features` when read.

As lists of Python's numbers they would take several times the room, and all of it in memory.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from struct import Struct, unpack_from
from typing import IO, Any, overload

import numpy as np

from unfreeze.batching.features import Features
from unfreeze.storage.mapped import Touched

IN_MEMORY = 2**22  # bytes that are gathered before they go to the file
# example, counts of ids, labels, words and segments, flags; weight
_HEADER = Struct("=6id")
_FLOAT_LABELS, _OFFSETS = 1, 2


class WindowFile(Sequence[Features]):
    """Windows in the order in which they were appended. What is read is equal to what was appended, as tuples."""

    def __init__(self, windows: Iterable[Features] = ()) -> None:
        self._starts = array("q", [0])  # of each window's record, in bytes, and the end of the last one
        self._waiting = bytearray()  # the records that are not in the file yet
        self._file: IO[bytes] | None = None
        self._mapped: mmap.mmap | bytes = b""
        self._touched = Touched()
        self.extend(windows)

    def append(self, window: Features) -> None:
        """Add a window.

        Raises:
            OSError: the file for it cannot be written; `TMPDIR` says where it lies.
        """
        self._add(_record(window))

    def extend(self, windows: Iterable[Features]) -> None:
        """Add several; errors as of `append`."""
        for window in windows:
            self.append(window)

    def token_counts(self) -> list[int]:
        """The length of each window, without reading more of it."""
        return [_HEADER.unpack_from(*self._place(i))[1] for i in range(len(self))]

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Features, ...]: ...
    def __getitem__(self, index: int | slice) -> Features | tuple[Features, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        return _read(*self._place(index))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process of this machine maps the same file, as long as this one lives; else it gets a copy."""
        if self._file is not None and Path(f"/proc/{os.getpid()}/fd").is_dir():
            shared = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"
            return _shared, (self._starts, shared, bytes(self._waiting))
        return self.of_content, (self.content(),)

    def content(self) -> tuple[array[int], bytes]:
        """All windows as plain values, for another machine."""
        return self._starts, bytes(self._mapped) + bytes(self._waiting)

    @classmethod
    def of_content(cls, content: tuple[array[int], bytes]) -> WindowFile:
        """What `content` gave."""
        starts, records = content
        windows = cls()
        for start, stop in pairwise(starts):
            windows._add(records[start:stop])
        return windows

    def _add(self, records: bytes) -> None:
        self._waiting += records
        self._starts.append(self._starts[-1] + len(records))
        if len(self._waiting) >= IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed when nobody holds the windows)
            weakref.finalize(self, self._file.close)
        self._file.write(self._waiting)
        self._file.flush()
        self._waiting.clear()
        self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def _place(self, index: int) -> tuple[Any, int]:
        """Where the record of a window begins: in which memory, at which byte."""
        start, written = self._starts[index], len(self._mapped)
        if isinstance(self._mapped, mmap.mmap) and start < written:
            self._touched.add(self._starts[index + 1] - start, self._mapped)
            return self._mapped, start
        return self._waiting, start - written


def token_counts(windows: Sequence[Features]) -> list[int]:
    """The length of each window."""
    return windows.token_counts() if isinstance(windows, WindowFile) else [len(window) for window in windows]


def _record(window: Features) -> bytes:
    floats = any(isinstance(label, float) for label in window.labels)
    flags = _FLOAT_LABELS * floats + _OFFSETS * (window.offsets is not None)
    counts = (len(window.input_ids), len(window.labels), len(window.words), len(window.segments))
    parts = [
        _HEADER.pack(window.example, *counts, flags, window.weight),
        array("i", window.input_ids).tobytes(),
        array("d" if floats else "i", window.labels).tobytes(),
        array("i", window.words).tobytes(),
        array("i", window.segments).tobytes(),
    ]
    if window.offsets is not None:
        parts.append(window.offsets.astype(np.int32).tobytes())
    return b"".join(parts)


def _read(memory: Any, place: int) -> Features:
    example, tokens, labels, words, segments, flags, weight = _HEADER.unpack_from(memory, place)
    place += _HEADER.size
    columns = []
    for count, kind, size in (
        (tokens, "i", 4),
        (labels, *(("d", 8) if flags & _FLOAT_LABELS else ("i", 4))),
        (words, "i", 4),
        (segments, "i", 4),
    ):
        columns.append(unpack_from(f"={count}{kind}", memory, place))
        place += count * size
    offsets = None
    if flags & _OFFSETS:
        offsets = np.frombuffer(memory[place : place + 8 * tokens], np.int32).reshape(tokens, 2)
    ids, targets, own_words, own_segments = columns
    return Features(example, ids, targets, own_words, own_segments, weight, offsets)


def _shared(starts: array[int], path: str, waiting: bytes) -> WindowFile:
    windows = WindowFile()
    windows._starts, windows._waiting = starts, bytearray(waiting)
    with Path(path).open("rb") as file:  # of a process that waits for this one
        windows._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return windows
