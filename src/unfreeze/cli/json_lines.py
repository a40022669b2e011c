"""A comparison as it runs, for programs: one JSON object a line on standard output. docs/events.md has the keys."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from unfreeze import __version__
from unfreeze.cli.plain_lines import PlainLines
from unfreeze.cli.terminal import json_text, say
from unfreeze.experiments.cell import Cell
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress

if TYPE_CHECKING:
    from unfreeze.experiments.bench import Bench
    from unfreeze.experiments.conclude import Comparison

EVENTS_VERSION = 1
EVERY = 1.0  # seconds between two events on the steps of a run
OF_A_RECORD = (
    *("status", "error", "selection_metric", "validation", "test", "tests", "best_epoch", "epochs_run", "steps"),
    *("fit_seconds", "train_seconds", "peak_memory_bytes", "converged", "degenerate", "model"),
)


class JsonLines(PlainLines):
    """Tells each event in a line, and the result as the last one, in place of the text for people."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[Cell, float] = {}  # when a step of the run was told last
        self.heard = True  # somebody reads the lines

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._tell("stopped", by=type(error).__name__, text=str(error))

    def said(self, text: str) -> None:
        self._tell("note", text=text)

    def began(self, bench: Bench) -> None:
        self._tell(
            "begun",
            events_version=EVENTS_VERSION,
            unfreeze_version=__version__,
            output=str(bench.output),
            data={"name": bench.data_name, "sha256": bench.data_sha256},
            models=list(bench.prepared),
        )

    def estimated(self, planned: Sequence[Mapping[str, Any]], at_once: int) -> None:
        self.remaining.estimated(planned, at_once)
        self._tell("estimated", plan=list(planned), runs_at_once=at_once)

    def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
        added = self.total_runs > 0
        self._counted(cells, what_trains)
        self._tell("planned", runs=[_run(cell) for cell in cells], trains=dict(what_trains), added=added)

    def run_found(self, cell: Cell, record: RunRecord) -> None:
        self._tell("run_found", run=_run(cell), **_summary(record))

    def run_started(self, cell: Cell, number: int) -> None:
        super().run_started(cell, number)
        self._tell("run_started", run=_run(cell))

    def progressed(self, cell: Cell, progress: Progress) -> None:
        self.remaining.progressed(cell, progress)
        now = time.monotonic()
        if progress.metrics is None and now - self.told.get(cell, -math.inf) < EVERY:
            return
        self.told[cell] = now
        event = "progress" if progress.metrics is None else "evaluated"
        self._tell(event, run=_run(cell), **asdict(progress), seconds_left=self.remaining.of_run(cell))

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        self._finished(cell, record)
        self.told.pop(cell, None)
        self._tell(
            "run_finished",
            run=_run(cell),
            finished=self.done_runs,
            total=self.total_runs,
            seconds_left=self.remaining.of_all(),
            **_summary(record),
        )

    def result(self, comparison: Comparison, report: Path) -> None:
        """The last event."""
        from unfreeze.cli.result import rows_of

        recommendation = comparison.summary["recommendation"]
        chosen = recommendation["strategy"] is not None
        self._tell(
            "concluded",
            output=str(comparison.output),
            report=str(report),
            model=str(comparison.best / "model") if chosen else None,
            recommendation=recommendation,
            leaderboard=[asdict(row) for row in rows_of(comparison)],
            not_done=sum(record.status != "done" for record in comparison.records),
        )

    def _tell(self, event: str, **about: Any) -> None:
        if not self.heard:
            return
        try:
            print(json_text(_plain({"event": event, "time": time.strftime("%FT%T%z"), **about})), flush=True)
        except BrokenPipeError:
            # A reader that has gone costs its lines and not the runs.
            self.heard = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            say("nobody reads the events any more; the runs go on")


def _run(cell: Cell) -> dict[str, Any]:
    return asdict(cell) | {"strategy": str(cell.strategy)}


def _summary(record: RunRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in OF_A_RECORD}


def _plain(value: Any) -> Any:
    """As JSON has it: it knows no infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
