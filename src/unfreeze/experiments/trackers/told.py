"""One tracker and what it is told of a comparison. One that breaks is told nothing more, and costs no run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from unfreeze.experiments.bench import Bench
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.trackers import quantities
from unfreeze.experiments.trackers.ledger import Entry, read_entry, write_entry
from unfreeze.experiments.trackers.tracker import End, TrackedRun, Tracker, TrackerError
from unfreeze.storage.folders import SETTINGS_FILE
from unfreeze.storage.records import COMPARISON_FILE, RunRecord
from unfreeze.training.result import Progress

FILES = (SETTINGS_FILE, COMPARISON_FILE, "leaderboard.csv", "leaderboard.md")  # that the comparison's run holds
LONGEST_REASON = 200  # characters of what a tracker says when it breaks


@dataclass
class _Open:
    """A run that is told of, and how far that is: what was told before is not told again."""

    run: TrackedRun
    told: dict[str, int]  # metric -> last step

    def tell(self, values: Mapping[str, float], step: int) -> None:
        new = {name: value for name, value in values.items() if step > self.told.get(name, -1)}
        if new:
            self.run.metrics(new, step)
            self.told |= dict.fromkeys(new, step)


class Told:
    """What one tracker is told, from the beginning of a comparison to its end."""

    def __init__(self, tracker: Tracker, said: Callable[[str], None]) -> None:
        self.tracker = tracker
        self.said = said
        self.broken = False
        self.open: dict[Cell, _Open] = {}
        self.bench: Bench
        self.entry: Entry
        self.parent: TrackedRun | None = None

    def begin(self, bench: Bench) -> None:
        """Open the run of the comparison, that of an earlier command on the folder where there is one.

        Raises:
            TrackerError: it cannot be opened.
            OutputError: what the folder says of trackers cannot be read.
        """
        self.bench = bench
        name = self.tracker.name
        before = read_entry(bench.output, name)
        try:
            self.parent = self.tracker.comparison(bench.output, None if before is None else before.id)
            self.parent.parameters(quantities.comparison_parameters(bench))
            self.parent.facts({"status": "running"})
        except TrackerError:
            raise
        except Exception as error:  # whatever their client raises
            raise TrackerError(f"--report-to {name}: {_reason(error)}. Mend it, or pass --report-to none.") from error
        same = before is not None and before.id == self.parent.id
        self.entry = before if same and before is not None else Entry(self.parent.id)
        self._keep()
        self.said(f"reported to {name}: {self.tracker.where(bench.output)}")

    def start(self, cell: Cell) -> None:
        """A run begins, or goes on."""
        self._attempt(lambda: self._start(cell))

    def progress(self, cell: Cell, progress: Progress) -> None:
        """A step or an evaluation is done."""
        if cell in self.open:
            self._attempt(lambda: self.open[cell].tell(quantities.step_metrics(progress), progress.step))

    def finish(self, cell: Cell, record: RunRecord) -> None:
        """A run ended."""
        if cell in self.open:
            self._attempt(lambda: self._finish(cell, record))

    def found(self, cell: Cell, record: RunRecord) -> None:
        """A run was made before; what the tracker does not know of it is told from its record."""
        if not self.broken and self._folder(cell) not in self.entry.ended:
            self.start(cell)
            self.finish(cell, record)

    def close(self, end: End, comparison: Comparison | None) -> None:
        """The command ends. What is under way is ended as killed, and gone on with by the next command."""
        if self.parent is not None:
            self._attempt(lambda: self._close(end, comparison))

    def _start(self, cell: Cell) -> None:
        assert self.parent is not None
        folder = self._folder(cell)
        run = self.tracker.run(self.parent, folder.removeprefix("runs/"), self.entry.runs.get(folder))
        self.open[cell] = _Open(run, dict(run.known))
        run.parameters(quantities.run_parameters(cell, self.bench))
        run.facts({"status": "running"})
        self.entry.runs[folder] = run.id
        self.entry.ended = [one for one in self.entry.ended if one != folder]
        self._keep()

    def _finish(self, cell: Cell, record: RunRecord) -> None:
        here = self.open.pop(cell)
        for evaluation in record.history:  # those of an earlier process, where they did not arrive
            here.tell(quantities.evaluation_metrics(evaluation), evaluation["step"])
        here.run.parameters(quantities.recorded_parameters(record))
        here.tell(quantities.result_metrics(record), record.steps or 0)
        here.run.facts(quantities.run_facts(record))
        here.run.end(record.status)
        self.entry.ended.append(self._folder(cell))
        self._keep()

    def _close(self, end: End, comparison: Comparison | None) -> None:
        assert self.parent is not None
        for here in self.open.values():
            here.run.facts({"status": "killed"})
            here.run.end("killed")
        self.open = {}
        if comparison is not None:
            self.parent.facts(quantities.comparison_facts(comparison))
        self.parent.facts({"status": end})
        for path in (self.bench.output / name for name in FILES):
            if path.is_file():
                self.parent.file(path)
        self.parent.end(end)

    def _attempt(self, action: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            action()
        except Exception as error:  # whatever their client raises: a tracker costs no run
            self.broken = True
            reason = str(error) if isinstance(error, TrackerError) else _reason(error)
            self.said(
                f"{self.tracker.name} broke: {reason}. Nothing more is reported to it; the comparison goes on, "
                "and a later command on the folder reports what is missing"
            )

    def _folder(self, cell: Cell) -> str:
        folder: Path = self.bench.folder(cell).relative_to(self.bench.output)
        return folder.as_posix()

    def _keep(self) -> None:
        write_entry(self.bench.output, self.tracker.name, self.entry)


def _reason(error: Exception) -> str:
    """An error in one line that can be read."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return (text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "...").rstrip(".")
