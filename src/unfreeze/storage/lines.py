"""JSON lines: one object a line, appended or written at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from unfreeze.storage.atomic import write_text


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one object with one write, so that a crash can tear the last line only; a torn one is cut off first."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as stream:
        _cut_torn_line(stream)
        stream.write(line)


def write_lines(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Write all objects as one file, atomically."""
    write_text(path, "".join(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file; a last line without its newline was torn by a crash and is left out."""
    with path.open("rb") as stream:  # bytes: a line can be torn within a letter
        for line in stream:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _cut_torn_line(stream: BinaryIO) -> None:
    end = stream.seek(0, os.SEEK_END)
    if end:
        stream.seek(end - 1)
        if stream.read(1) != b"\n":
            stream.seek(0)
            stream.truncate(stream.read().rfind(b"\n") + 1)
