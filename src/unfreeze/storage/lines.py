"""JSON lines: one object a line, written at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from unfreeze.storage.atomic import write_text
from unfreeze.storage.folders import OutputError

MOVE_ASIDE = "Move it out of the folder, and make that run or comparison again."


def write_lines(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Write all objects as one file, atomically."""
    write_text(path, "".join(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file; a last line without its newline is torn and left out.

    Raises:
        OutputError: there is no such file, or another line is no JSON object.
    """
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is no ordinary file. {MOVE_ASIDE}")
    try:
        stream = path.open("rb")  # bytes: a line can be torn within a letter
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}).") from None
    with stream:
        for number, line in enumerate(stream, start=1):
            if line.endswith(b"\n"):
                yield parse_object(line, f"{path}:{number}")


def parse_object(content: bytes, place: str) -> dict[str, Any]:
    """One JSON object.

    Raises:
        OutputError: it is something else; the message begins with the place.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{place}: not valid JSON ({type(error).__name__}). {MOVE_ASIDE}") from error
    if not isinstance(value, dict):
        raise OutputError(f"{place}: expected a JSON object, found {type(value).__name__}. {MOVE_ASIDE}")
    return value
