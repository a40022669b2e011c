"""What an experiment tracker must be able to do: open a run for the comparison, and one below it for each of its runs.

A tracker is called by the process that drives the comparison and by no other; runs in other processes need nothing
of it. Whatever it raises after the comparison has begun costs the tracker, and no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from unfreeze.storage.records import Status

End = Status | Literal["killed"]
Parameter = str | int | float | bool


class TrackerError(ValueError):
    """The tracker cannot be used; the message says why and what to do."""


class TrackedRun(Protocol):
    """The comparison, or one run of it, at a tracker's."""

    @property
    def id(self) -> str:
        """By what the tracker finds it again: letters, digits, underscores, hyphens."""

    @property
    def known(self) -> Mapping[str, int]:
        """Metric -> the last step that an earlier command reported of it; these steps are not told again."""

    def parameters(self, values: Mapping[str, Parameter]) -> None:
        """What was chosen. Called again with more of them; no value changes."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """What was measured after so many optimizer steps; all numbers are finite."""

    def facts(self, values: Mapping[str, str]) -> None:
        """What came out, in words; a later value replaces the earlier one."""

    def file(self, path: Path) -> None:
        """A file to keep; one of the same name is replaced."""

    def end(self, status: End) -> None:
        """Nothing more comes; all is written when this returns."""


class Tracker(Protocol):
    """Where a comparison is told to. Making one finds out whether it can be used, within seconds.

    Raises:
        TrackerError: it cannot.
    """

    name: ClassVar[str]

    def where(self, output: Path) -> str:
        """Where to look for what is reported; said when a comparison begins."""

    def comparison(self, output: Path, id: str | None) -> TrackedRun:
        """The comparison in this folder: the one of this id where there is still one, else a new one."""

    def run(self, parent: TrackedRun, name: str, id: str | None) -> TrackedRun:
        """A run of the comparison: that of this id, to be gone on with, else a new one.

        Args:
            name: unique in the comparison, a relative path: model, strategy, seed.
        """


def need_package(tracker: str, package: str) -> None:
    """Refuse a tracker whose package is not installed, without importing anything.

    Raises:
        TrackerError: it is not.
    """
    found = find_spec(package)
    if found is None or found.origin is None:  # None: a folder that is called so, as the one that wandb writes
        raise TrackerError(
            f"--report-to {tracker}: the package {package} is not installed. "
            f"In the clone of unfreeze run `pip install -e '.[{tracker}]'`."
        )
