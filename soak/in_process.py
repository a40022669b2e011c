"""The commands in this process, and what folders hold before and after them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from unfreeze.cli import main
from unfreeze.storage.folders import OWN_FILES


@dataclass(frozen=True)
class Called:
    """What a command returned and said."""

    code: int
    said: str


def call(*arguments: object) -> Called:
    """As a shell would, but for the process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Called(code, said.getvalue())


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """With this as the working directory, and a cache of its own."""
    cache = {"UNFREEZE_CACHE": str(folder.parent / f"{folder.name}-cache")}
    with contextlib.chdir(folder), patch.dict(os.environ, cache):
        yield


def contents(folder: Path, without: Iterable[str] = OWN_FILES) -> dict[str, str]:
    """Name -> hash of every file in a folder, and where links lead; without those of who writes there now."""
    found, left_out = {}, set(without)
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file() and path.name not in left_out:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.is_dir():
            found[name] = "folder"
    return found
