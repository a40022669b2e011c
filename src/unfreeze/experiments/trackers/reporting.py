"""The listener that tells trackers, beside the user's own, and what opens and closes them around a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from unfreeze.acceleration.joining import follows
from unfreeze.experiments.bench import Bench
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.trackers import TRACKERS
from unfreeze.experiments.trackers.told import Told
from unfreeze.experiments.trackers.tracker import End, Tracker, TrackerError
from unfreeze.settings import Settings, SettingsError
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress


@contextmanager
def reporting(settings: Settings, listener: Listener) -> Iterator[Listener]:
    """A listener that passes everything on, and tells the trackers of `--report-to` too.

    Files that the body writes into the comparison's folder, as the leaderboard, are kept by the trackers at its end.

    Raises:
        SettingsError: a tracker is unknown, is not installed, or does not answer.
    """
    trackers = [] if follows() else open_trackers(settings.report_to)  # of several processes the first reports
    if not trackers:
        yield listener
        return
    reporter = Reporter(listener, trackers)
    end: End = "killed"
    try:
        yield reporter
        end = "done"
    except Exception:
        end = "failed"
        raise
    finally:
        reporter.close(end)


def open_trackers(names: Sequence[str]) -> list[Tracker]:
    """The trackers of these names, each of which can be used now.

    Raises:
        SettingsError: with what is wrong with every other.
    """
    opened: list[Tracker] = []
    mistakes = []
    for name in names:
        if name not in TRACKERS:
            mistakes.append(f"--report-to {name}: unknown tracker. Expected {', '.join(TRACKERS)} or none.")
            continue
        try:
            opened.append(TRACKERS[name]())
        except TrackerError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SettingsError(mistakes)
    return opened


class Reporter(Listener):
    """Passes on to another listener what it hears, and tells it to trackers. Trials of a search are not reported."""

    def __init__(self, listener: Listener, trackers: Sequence[Tracker]) -> None:
        self.listener = listener
        self.told = [Told(tracker, listener.said) for tracker in trackers]
        self.comparison: Comparison | None = None

    def said(self, text: str) -> None:
        self.listener.said(text)

    def began(self, bench: Bench) -> None:
        self.listener.began(bench)
        mistakes = []
        for one in self.told:
            try:
                one.begin(bench)
            except TrackerError as error:
                mistakes.append(str(error))
        if mistakes:
            raise SettingsError(mistakes)

    def estimated(self, planned: Sequence[Mapping[str, Any]], at_once: int) -> None:
        self.listener.estimated(planned, at_once)

    def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
        self.listener.planned(cells, what_trains)

    def run_found(self, cell: Cell, record: RunRecord) -> None:
        self.listener.run_found(cell, record)
        if not cell.is_trial:
            for one in self.told:
                one.found(cell, record)

    def run_started(self, cell: Cell, number: int) -> None:
        self.listener.run_started(cell, number)
        if not cell.is_trial:
            for one in self.told:
                one.start(cell)

    def progressed(self, cell: Cell, progress: Progress) -> None:
        self.listener.progressed(cell, progress)
        for one in self.told:
            one.progress(cell, progress)

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        self.listener.run_finished(cell, record)
        for one in self.told:
            one.finish(cell, record)

    def concluded(self, comparison: Comparison) -> None:
        self.listener.concluded(comparison)
        self.comparison = comparison

    def close(self, end: End) -> None:
        """The command ends; how, is told."""
        for one in self.told:
            one.close(end, self.comparison)
