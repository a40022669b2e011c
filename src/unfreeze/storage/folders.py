"""Where a comparison puts things: names of folders that are safe and unique."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from filelock import FileLock

BEST_FILE = "best"
LOCK_FILE, OWNER_FILE = ".lock", ".owner.json"
INNER = ("runs", "search", "report", "report/index.html", "report/figures")
LONGEST_PATH = 4096  # characters; no file system takes more
OWN_FILES = (LOCK_FILE, OWNER_FILE)  # of whoever writes there now
SETTINGS_FILE, IDENTITY_FILE, ENVIRONMENT_FILE = "settings.yaml", "identity.json", "environment.json"
BEFORE_SETTINGS = (IDENTITY_FILE, ENVIRONMENT_FILE)  # with the settings, written last, the folder holds a comparison


class OutputError(ValueError):
    """The output folder cannot be used; the message says why and what to do."""


def slug(text: str, limit: int = 60) -> str:
    """Letters, digits, dot, underscore and hyphen only; never empty, never hidden.

    >>> slug("freeze:first=2")
    'freeze-first-2'
    """
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[:limit].strip("-.") or "unnamed"


def run_folder(
    output: Path, model: str, strategy: str, identity: str, seed: int, *, kind: Literal["runs", "search"] = "runs"
) -> Path:
    """`runs/<model>/<strategy-slug>-<hash6>/seed-<n>`; the hash is of `identity`, all that decides the run's result."""
    digest = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:6]
    return output / kind / slug(_own_name(model)) / f"{slug(strategy)}-{digest}" / f"seed-{seed}"


def _own_name(model: str) -> str:
    try:
        return Path(model).name if Path(model).is_dir() else model
    except OSError:  # longer than any file's name
        return model


def check_output(output: Path, *, overwrite: bool = False, read: Iterable[Path] = ()) -> None:
    """Refuse a folder for results before anything is written into it.

    Args:
        overwrite: what is there will be moved aside.
        read: what the command reads; it must stay where it is.

    Raises:
        OutputError: it is a file, it holds what no comparison put there, it lies inside of a comparison, or what is
            read lies in it.
    """
    refuse_file(output)
    whole = output.resolve()
    around = next((one for one in whole.parents if _holds_comparison(one)), None)
    if around is not None:
        raise OutputError(
            f"--output {output}: lies inside of {around}, which holds a comparison. Choose a folder beside it."
        )
    needed = next((one for one in read if one.resolve().is_relative_to(whole)), None)
    if overwrite and needed is not None and output.exists():
        raise OutputError(
            f"--output {output} --overwrite: would move {needed}, which this command needs. Choose another folder."
        )
    if not overwrite and is_foreign(output):
        raise _not_empty(output)


def is_foreign(output: Path) -> bool:
    """Does the folder hold something, and nothing that says it is a comparison, or was about to become one?"""
    names = {file.name for file in output.iterdir()} if output.is_dir() else set()
    return bool(names - {*OWN_FILES}) and OWNER_FILE not in names and not _holds_comparison(output)


def claim_output(output: Path, *, overwrite: bool = False) -> None:
    """Create the output folder. One that holds something is refused, or with `overwrite` moved aside, never deleted.

    What a process left that died before it had written the settings is nothing.

    Raises:
        OutputError: it is a file, or a folder that is not empty.
    """
    refuse_file(output)
    names = {file.name for file in output.iterdir()} if output.is_dir() else set()
    begun = {*OWN_FILES, *BEFORE_SETTINGS} if OWNER_FILE in names else {*OWN_FILES}
    if names - begun:
        if not overwrite:
            raise _not_empty(output)
        move_aside(output)
    output.mkdir(parents=True, exist_ok=True)


def refuse_file(output: Path) -> None:
    """Only a folder can hold results.

    Raises:
        OutputError: it is a file, or a link that leads nowhere.
    """
    if os.path.lexists(output) and not output.is_dir():
        raise OutputError(f"--output {output}: is a file; expected a folder to create. Choose another name.")


def refuse_links(output: Path) -> None:
    """What a comparison writes stays in its folder.

    Raises:
        OutputError: a folder in it leads out of it.
    """
    for name in INNER:
        if not (output / name).resolve().is_relative_to(output.resolve()):
            raise OutputError(f"{output / name}: leads out of the folder. Remove the link, or choose another folder.")


def move_aside(path: Path) -> Path:
    """Give a file or folder a free name, and return that. A link is renamed, and not what it leads to."""
    number = 1
    while os.path.lexists(candidate := path.with_name(f"{path.name}.{number}")):
        number += 1
    return path.rename(candidate)


def move_foreign_aside(output: Path) -> None:
    """Move a folder aside that no comparison made, without writing into it; nothing happens to any other."""
    if is_foreign(output):
        # Two commands at once: the second finds the new folder of the first, which is not foreign.
        guard = output.with_name(f".{output.name}{LOCK_FILE}")
        with FileLock(guard):
            if is_foreign(output):
                move_aside(output)
                output.mkdir()
                (output / OWNER_FILE).touch()
        guard.unlink(missing_ok=True)


def _holds_comparison(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (SETTINGS_FILE, ENVIRONMENT_FILE))


def _not_empty(output: Path) -> OutputError:
    return OutputError(
        f"--output {output}: the folder is not empty, and results are never overwritten. "
        "Choose another folder, or move it aside with --overwrite."
    )


def best_run(output: Path) -> Path:
    """The folder that the file `best` of a comparison names.

    Raises:
        OutputError: there is no such file (not a comparison, or none of its runs is finished).
    """
    pointer = output / BEST_FILE
    if not pointer.is_file():
        raise OutputError(f"{output}: no finished comparison there (no file `{BEST_FILE}`).")
    try:
        with pointer.open(encoding="utf-8") as stream:
            named = stream.read(LONGEST_PATH + 1)
    except (OSError, UnicodeDecodeError):
        named = ""
    return inside(output, named.strip(), pointer)


def inside(output: Path, name: str, where: Path) -> Path:
    """The path that a file of a comparison names, links followed.

    Raises:
        OutputError: it names nothing, or something outside of the comparison; `where` it is named is said.
    """
    if not name or len(name) > LONGEST_PATH or not name.isprintable():
        raise OutputError(f"{where}: names no path. Make the comparison again, or give the folder of one of its runs.")
    try:
        target = (output / name).resolve()
        if target.is_relative_to(output.resolve()):
            target.exists()  # raises where a name is longer than any file's
            return target
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        raise OutputError(f"{where}: names no path. Give the folder of one of its runs.") from None
    raise OutputError(
        f"{where}: points outside of the comparison ({str(target)!r:.300}). Give the folder of one of its runs."
    )
