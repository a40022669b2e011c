"""Jobs that other processes and other machines can make, and the files that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

from unfreeze.acceleration.ranks import Ranks
from unfreeze.experiments.prepare import Prepared
from unfreeze.storage import disk
from unfreeze.storage.feature_files import FeatureFiles

T = TypeVar("T", bound="Travelling")


@dataclass(frozen=True)
class Travelling:
    """A job on prepared data, which is large and which other jobs have too."""

    prepared: Prepared
    shared: ClassVar[tuple[str, ...]] = ("prepared",)  # fields that are sent once for all jobs

    def arrived(self: T, root: Path, tables: FeatureFiles) -> T:
        """The same on another machine: it writes below `root`, and keeps outputs of frozen layers in `tables`."""
        return replace(self, prepared=self.prepared.arrived(tables))

    def among(self: T, ranks: Ranks) -> T:
        """The same, made by several processes together."""
        return replace(self, prepared=self.prepared.among(ranks))


def files_of(job: object) -> dict[str, bytes]:
    """What a job has left in its folder, if it has one."""
    folder = getattr(job, "folder", None)
    return {} if folder is None else files_in(folder)


def files_in(folder: Path) -> dict[str, bytes]:
    """All files of a folder, by their names in it."""
    if not folder.is_dir():
        return {}
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if _ordinary(file)}


def _ordinary(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def put_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write what `files_in` gave."""
    for name, content in files.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"{name}: leads out of the folder of its run")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        disk.write(folder / name, content)
