"""Folders that say whether they are whole: sizes and checksums of all their files, written last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unfreeze.storage.atomic import new_folder, write_json

MANIFEST_FILE = "MANIFEST.json"
LARGEST_MANIFEST = 2**20  # bytes; ours have some hundred


@contextmanager
def committed_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder; with its manifest it takes the place of `path`, whole or not at all.

    Raises:
        OSError: the disk is full or fails; nothing has changed then.
    """
    with new_folder(path) as temporary:
        yield temporary
        files = {
            str(file.relative_to(temporary)): {"size": file.stat().st_size, "sha256": _sha256(file)}
            for file in sorted(temporary.rglob("*"))
            if file.is_file()
        }
        write_json(temporary / MANIFEST_FILE, files)


def damage(path: Path) -> str | None:
    """What is wrong with a committed folder; None: all of it is as it was written."""
    try:
        manifest = path / MANIFEST_FILE
        if manifest.stat().st_size > LARGEST_MANIFEST:
            return f"{MANIFEST_FILE} is too large"
        expected = json.loads(manifest.read_text(encoding="utf-8"))
        found = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()} - {MANIFEST_FILE}
        if not isinstance(expected, dict) or found != expected.keys():
            return "files are missing or do not belong there"
        for name, said in expected.items():
            if said != {"size": (path / name).stat().st_size, "sha256": _sha256(path / name)}:
                return f"{name} has changed"
    except (OSError, ValueError, RecursionError) as error:
        return f"{MANIFEST_FILE} cannot be read: {type(error).__name__}"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
