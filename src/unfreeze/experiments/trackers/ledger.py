"""What trackers call a comparison and its runs, kept in its folder: a later command goes on where this one ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from unfreeze.storage.atomic import write_json
from unfreeze.storage.folders import OutputError
from unfreeze.storage.lines import parse_object
from unfreeze.storage.own_files import read_own
from unfreeze.storage.typed import typed

LEDGER_FILE = "trackers.json"
ADVICE = "Move it out of the folder; then the comparison is reported anew."

# Anybody may have changed the file, and trackers make names of files and addresses of this.
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@dataclass
class Entry:
    """What one tracker was told."""

    id: Id  # of the comparison
    runs: dict[str, Id] = field(default_factory=dict)  # by folder of the run, relative to the comparison
    ended: list[str] = field(default_factory=list)  # folders of the runs that were told to their end


def read_entry(output: Path, tracker: str) -> Entry | None:
    """What a tracker was told of the comparison in a folder; None: nothing.

    Raises:
        OutputError: the file is not what a comparison writes.
    """
    path = output / LEDGER_FILE
    values = _read(path).get(tracker)
    if values is None:
        return None
    if not isinstance(values, Mapping):
        raise OutputError(f"{path}: {tracker}: expected an object. {ADVICE}")
    return typed(Entry, values, f"{path}: {tracker}: is no record of what was reported", ADVICE)


def write_entry(output: Path, tracker: str, entry: Entry) -> None:
    """Keep what a tracker was told.

    Raises:
        OSError: the disk is full or fails.
    """
    path = output / LEDGER_FILE
    write_json(path, _read(path) | {tracker: asdict(entry)})


def _read(path: Path) -> dict[str, Any]:
    try:
        return parse_object(read_own(path), str(path))
    except FileNotFoundError:
        return {}
