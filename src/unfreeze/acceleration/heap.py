"""Freed memory goes back to the system. After batches of many shapes the C library would keep a good part of it."""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

SECONDS = 5.0  # between two times; one takes some hundredths of a second


def trim_heap() -> None:
    """Give back what was freed, where the C library has a way (glibc)."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@dataclass
class Heap:
    """Gives back now and then."""

    last: float = field(default_factory=time.monotonic)

    def trim_if_due(self) -> None:
        """Give back, if some seconds have passed since the last time."""
        now = time.monotonic()
        if now - self.last > SECONDS:
            trim_heap()
            self.last = now


@cache
def _malloc_trim() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
