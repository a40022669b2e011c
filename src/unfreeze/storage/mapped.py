"""Arrays in memory-mapped files: those that nobody else sees, and how their memory is given back."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

RELEASED_BYTES = 2**24  # that have been read or written since pages were given back: then it is time again


def scratch_array(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of zeros in a file without a name, in the system's folder for temporary files (`TMPDIR`).

    The file is gone with the array.

    Raises:
        OSError: there is no room for it.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size == 0:  # nothing to be mapped
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile() as file:
        reserve(file, size)
        return np.memmap(file, dtype, "r+", shape=shape)


class Touched:
    """Counts what is read of mapped memory, or written to it, and gives its pages back now and then.

    A page that was touched counts as memory of the process until the system needs it: a program that walks through its
    data would seem to hold all of it. What was written stays in the file.
    """

    def __init__(self) -> None:
        self._bytes = 0

    def add(self, size: int, *mapped: mmap.mmap | npt.NDArray[Any]) -> None:
        """So many bytes more were touched, in any of these."""
        self._bytes += size
        if self._bytes >= RELEASED_BYTES:
            self._bytes = 0
            for one in mapped:
                _release(one)


def _release(mapped: Any) -> None:
    while mapped is not None and not isinstance(mapped, mmap.mmap):
        mapped = getattr(mapped, "base", None)  # of an array: what it is a view of
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def reserve(file: IO[bytes], size: int) -> None:
    """Make an empty file so large, for which there is room: writing to a mapping of a full disk would kill the program.

    Raises:
        OSError: there is no room for it.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)
