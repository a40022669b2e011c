"""Jobs that other processes and other machines can make, and the files that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

from unfreeze.acceleration.ranks import Ranks
from unfreeze.experiments.prepare import Prepared
from unfreeze.models.explained import ModelError
from unfreeze.models.weights_identity import weights_identity
from unfreeze.storage import disk
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.training.checkpoint import Checkpoints

T = TypeVar("T", bound="Travelling")


@dataclass(frozen=True)
class Travelling:
    """A job on prepared data, which is large and which other jobs have too."""

    prepared: Prepared
    weights: Mapping[str, str]  # by each model that is loaded, as typed: what its weights are known by
    shared: ClassVar[tuple[str, ...]] = ("prepared",)  # fields that are sent once for all jobs

    def arrived(self: T, root: Path, tables: FeatureFiles) -> T:
        """The same on another machine: it writes below `root`, and keeps outputs of frozen layers in `tables`.

        Raises:
            ModelError: a model is not there, or has other weights there.
        """
        for model, known in self.weights.items():
            here = weights_identity(model)
            if known and here and here != known:
                raise ModelError(
                    f"{model}: has other weights here than where the comparison was started. Copy that folder "
                    "to every machine, or download the same revision."
                )
        return replace(self, prepared=self.prepared.arrived(tables))

    def among(self: T, ranks: Ranks) -> T:
        """The same, made by several processes together."""
        return replace(self, prepared=self.prepared.among(ranks))


def states_of(job: object) -> Checkpoints | None:
    """Where a job keeps the states of its run, if it has a folder."""
    folder = getattr(job, "folder", None)
    return None if folder is None else Checkpoints(folder / "checkpoints")


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
        refuse_way_out(name)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        disk.write(folder / name, content)


def refuse_way_out(name: str) -> None:
    """Raise ValueError for the name of a file that would not lie in the folder it is put into."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name}: leads out of the folder of its run")
