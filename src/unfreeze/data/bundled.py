"""The samples that come with the package: `sample:emotion`, `sample:ner`, `sample:pos`, `sample:qa`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from unfreeze.data.findings import data_error

PREFIX = "sample:"


def sample_names() -> list[str]:
    """The samples that are there."""
    folder = _folder()
    if not folder.is_dir():
        return []
    return sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith(("_", ".")))


def sample_folder(name: str) -> Path:
    """The folder of a sample, named with or without `sample:`."""
    short = name.removeprefix(PREFIX)
    if short not in sample_names():
        known = ", ".join(PREFIX + other for other in sample_names()) or "none"
        raise data_error("no-such-sample", f"there is no sample {PREFIX}{short}", advice=f"There are: {known}.")
    return _folder() / short


def _folder() -> Path:
    return Path(str(files("unfreeze.data").joinpath("samples")))
