"""JSON lines: one object a line, appended or written at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from unfreeze.storage.atomic import write_text


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one object with one write, so that a crash can tear the last line only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def write_lines(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Write all objects as one file, atomically."""
    write_text(path, "".join(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file; a last line without its newline was torn by a crash and is left out."""
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            if line.endswith("\n"):
                yield json.loads(line)
