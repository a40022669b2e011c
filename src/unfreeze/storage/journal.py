"""What happened in a folder, line by line: each carries a checksum, and a crash can tear the last one only."""

from __future__ import annotations

import json
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from unfreeze.storage import disk

JOURNAL_FILE = "journal.jsonl"
LONGEST = 2**16  # bytes of a line


def log_event(folder: Path, event: str, **about: Any) -> None:
    """Append an event, flushed to disk; what a crash tore before is cut off first. A full disk costs the event."""
    path = folder / JOURNAL_FILE
    entry = json.loads(json.dumps({"time": time.strftime("%FT%T%z"), "event": event, **about}, default=str))
    line = json.dumps({"crc32": _checksum(entry), "entry": entry})  # ASCII: names of files can hold what UTF-8 cannot
    with suppress(OSError):
        if path.is_file():
            whole = path.read_bytes()
            end = whole.rfind(b"\n") + 1
            if end < len(whole):
                disk.truncate(path, end)
        disk.append(path, line.encode() + b"\n")


def entries(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """The events in their order, and how many lines are damaged and were left out."""
    path, found, damaged = folder / JOURNAL_FILE, [], 0
    if not path.is_file():
        return [], 0
    with path.open("rb") as stream:
        while line := stream.readline(LONGEST):
            entry = _entry(line)
            if entry is None:
                damaged += 1
            else:
                found.append(entry)
    return found, damaged


def _entry(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        said = json.loads(line)
        entry = said["entry"]
        return entry if isinstance(entry, dict) and said["crc32"] == _checksum(entry) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _checksum(entry: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(entry).encode())
