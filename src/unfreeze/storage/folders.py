"""Where a comparison puts things: names of folders that are safe and unique."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

BEST_FILE = "best"


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
    digest = hashlib.sha256(identity.encode()).hexdigest()[:6]
    model_slug = slug(Path(model).name if Path(model).is_dir() else model)
    return output / kind / model_slug / f"{slug(strategy)}-{digest}" / f"seed-{seed}"


def claim_output(output: Path, *, overwrite: bool = False) -> None:
    """Create the output folder. One that holds something is refused, or with `overwrite` moved aside, never deleted.

    Raises:
        OutputError: it is a file, or a folder that is not empty.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"--output {output}: is a file; expected a folder to create. Choose another name.")
    if output.is_dir() and any(output.iterdir()):
        if not overwrite:
            raise OutputError(
                f"--output {output}: the folder is not empty, and results are never overwritten. "
                "Choose another folder, or move it aside with --overwrite."
            )
        output.rename(_free_name(output))
    output.mkdir(parents=True, exist_ok=True)


def _free_name(path: Path) -> Path:
    number = 1
    while (candidate := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return candidate


def best_run(output: Path) -> Path:
    """The folder that the file `best` of a comparison names.

    Raises:
        OutputError: there is no such file (not a comparison, or none of its runs is finished).
    """
    pointer = output / BEST_FILE
    if not pointer.is_file():
        raise OutputError(f"{output}: no finished comparison there (no file `{BEST_FILE}`).")
    target = (output / pointer.read_text(encoding="utf-8").strip()).resolve()
    if not target.is_relative_to(output.resolve()):
        raise OutputError(f"{pointer}: points outside of the comparison ({target}).")
    return target
