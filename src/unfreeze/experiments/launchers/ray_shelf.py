"""Outputs of frozen layers for all machines of a Ray cluster: computed by one, fetched once by each of the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unfreeze.storage.feature_files import FeatureFiles, Kept

MOST_BYTES = 4 * 2**30  # that lie on the shelf; what is beyond it each machine computes for itself


class Shelf:
    """Tables in Ray's object store. An actor: it owns them, so that they outlive the tasks that made them."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[Any, float]] = {}  # references, and the seconds that making each took
        self._bytes = 0

    def put(self, key: str, table: npt.NDArray[np.generic], seconds: float) -> None:
        """Keep a table and the seconds that making it took, if it is new and there is room."""
        import ray

        if key not in self._tables and self._bytes + table.nbytes <= MOST_BYTES:
            self._bytes += table.nbytes
            self._tables[key] = (ray.put(table), seconds)

    def get(self, key: str) -> list[tuple[Any, float]]:
        """The reference to a table and the seconds that making it took; none if it is not there. Inside others a
        reference is not fetched."""
        return [self._tables[key]] if key in self._tables else []


@dataclass(frozen=True)
class ShelvedFiles(FeatureFiles):
    """The tables of this machine, and those of the others by way of the shelf."""

    shelf: Any = None

    def find(self, key: str, shape: tuple[int, int], dtype: str) -> Kept | None:
        """See `FeatureFiles.find`."""
        import ray

        found = super().find(key, shape, dtype)
        if found is not None:
            return found
        for reference, seconds in ray.get(self.shelf.get.remote(key)):
            table = ray.get(reference)
            if (table.shape, table.dtype) == (shape, np.dtype(dtype)) and self.has_room(table.nbytes):
                with suppress(OSError), super().make(key, shape, dtype, seconds=seconds) as rows:
                    rows[:] = table  # on a full disk it is computed instead
        return super().find(key, shape, dtype)

    @contextmanager
    def make(
        self, key: str, shape: tuple[int, int], dtype: str, share: float = 1.0, seconds: float | None = None
    ) -> Iterator[npt.NDArray[np.generic]]:
        """See `FeatureFiles.make`."""
        with super().make(key, shape, dtype, share, seconds) as rows:
            yield rows
        made = super().find(key, shape, dtype)
        if made is not None:
            self.shelf.put.remote(key, made.rows, made.seconds)
