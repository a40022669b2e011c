"""Trackio: a run for the comparison and one for each of its runs, in a group; on this machine unless told otherwise."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import Context
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from unfreeze.experiments.trackers.tracker import End, Parameter, TrackedRun, TrackerError, need_package

PROJECT = "unfreeze"
ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")  # set by who wants runs to leave this machine
NEXT = "Mend it, or pass --report-to none."


class Trackio:
    """Writes Trackio's folder on this machine, or tells the Space or server that its own variables name."""

    name: ClassVar[str] = "trackio"

    def __init__(self) -> None:
        need_package(self.name, "trackio")
        with _quietly():
            try:
                import trackio  # noqa: F401
            except Exception as error:
                raise TrackerError(f"--report-to trackio: {type(error).__name__}: {error}. {NEXT}") from None

    def where(self, output: Path) -> str:
        elsewhere = [os.environ[name].partition("?")[0] for name in ELSEWHERE if os.environ.get(name)]
        return f"{elsewhere[0]}, project {PROJECT}" if elsewhere else f'trackio show --project "{PROJECT}"'

    def comparison(self, output: Path, id: str | None) -> TrackioRun:
        chosen = id if id is not None and _is_here(id) else uuid4().hex[:12]
        return TrackioRun(chosen, chosen, group=chosen)

    def run(self, parent: TrackedRun, name: str, id: str | None) -> TrackioRun:
        chosen = id if id is not None and _is_here(f"{parent.id}/{name}/{id}") else uuid4().hex[:12]
        return TrackioRun(chosen, f"{parent.id}/{name}/{chosen}", group=parent.id)


class TrackioRun:
    """A run of theirs, found again by its name."""

    def __init__(self, id: str, name: str, *, group: str) -> None:
        self.id = id
        self.name = name
        self.group = group
        self.known = _last_steps(name)
        self.config: dict[str, Parameter] = {}
        self.step = max(self.known.values(), default=0)
        self.run = self._opened()

    def parameters(self, values: Mapping[str, Parameter]) -> None:
        self.config |= values

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        with _quietly():
            self.run.log(dict(values), step=step)
        self.step = step

    def facts(self, values: Mapping[str, str]) -> None:
        self.config |= values

    def file(self, path: Path) -> None:
        """Not kept: the comparison's folder is on this machine too."""

    def end(self, status: End) -> None:
        # They keep what a run was opened with, and write that with the first metrics that follow.
        with _quietly():
            self.run.finish()
            last = self._opened()
            last.log({"status": status}, step=self.step)
            last.finish()

    def _opened(self) -> Any:
        import trackio

        with _quietly():
            # In a context of its own: theirs ends the run that was opened before.
            return Context().run(
                trackio.init,
                project=PROJECT,
                name=self.name,
                group=self.group,
                config=dict(self.config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )


def _is_here(name: str) -> bool:
    """Can a run be gone on with? Of one elsewhere it is not known how far it came."""
    return not any(os.environ.get(one) for one in ELSEWHERE) and bool(_logs(name))


def _last_steps(name: str) -> dict[str, int]:
    steps: dict[str, int] = {}
    for entry in _logs(name):
        steps |= {metric: max(steps.get(metric, 0), int(entry["step"])) for metric in entry}
    return steps


def _logs(name: str) -> list[dict[str, Any]]:
    from trackio.sqlite_storage import SQLiteStorage

    with _quietly():
        logs: list[dict[str, Any]] = SQLiteStorage.get_logs(PROJECT, name)
    return logs


@contextmanager
def _quietly() -> Iterator[None]:
    """Inside, nothing is printed among our results, and what they only warn of is an error."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("error", UserWarning)
        yield
