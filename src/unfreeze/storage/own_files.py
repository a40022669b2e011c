"""Files that a comparison wrote, read as if anybody could have put something else there since."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from unfreeze.storage.folders import OutputError

LARGEST = 2**28  # bytes; ours have some thousand, a report on hundreds of runs some million


def read_own(path: Path, limit: int = LARGEST) -> bytes:
    """The content of an ordinary file that is not too large.

    Raises:
        OSError: it cannot be read.
        OutputError: it is something else, or larger than anything that is written there.
    """

    def at_once(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe that nobody writes to would never begin

    with open(path, "rb", opener=at_once) as stream:
        known = os.fstat(stream.fileno())
        if not stat.S_ISREG(known.st_mode):
            raise OutputError(f"{path}: is no ordinary file. Move it out of the folder.")
        if known.st_size > limit:
            raise OutputError(f"{path}: has {known.st_size:,} bytes; expected at most {limit:,}. Move it away.")
        return stream.read(limit)
