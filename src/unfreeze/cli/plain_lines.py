"""A comparison as it runs, in plain lines: for logs, pipes and terminals that draw nothing. Also the quiet mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from unfreeze.cli.remaining import Remaining
from unfreeze.cli.run_words import headline, outcome, run_name
from unfreeze.cli.terminal import say
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.listener import Listener
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress

if TYPE_CHECKING:
    from unfreeze.experiments.conclude import Comparison

LONGEST_MODEL = 40  # signs of a model's name in a line; longer ones are paths


class PlainLines(Listener):
    """Says what is inferred, what trains, each evaluation and each result, with the time left.

    To be used in a `with` statement around the comparison.

    Args:
        quiet: say nothing but the result.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.total_runs = 0
        self.done_runs = 0
        self.remaining = Remaining()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The comparison is over, well or not."""

    def result(self, comparison: Comparison, report: Path) -> None:
        """Print what came of it."""
        from unfreeze.cli.result import print_result

        print_result(comparison, report)

    def said(self, text: str) -> None:
        if not self.quiet:
            say(text)

    def estimated(self, planned: Sequence[Mapping[str, Any]], at_once: int) -> None:
        self.remaining.estimated(planned, at_once)

    def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
        for line in self._counted(cells, what_trains):
            self.said(line)

    def run_started(self, cell: Cell, number: int) -> None:
        self.remaining.started(cell)

    def progressed(self, cell: Cell, progress: Progress) -> None:
        self.remaining.progressed(cell, progress)
        if progress.metrics is not None and not cell.is_trial:
            whose = f"{_called(cell)}: " if len(self.remaining.begun) > 1 else ""
            self.said(
                f"  {whose}epoch {progress.epoch:g}: loss {progress.loss:.3f}, validation {headline(progress.metrics)}"
            )

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        self.said(self._finished(cell, record))

    def _counted(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> list[str]:
        """The runs to come are counted; what to say of them."""
        added = self.total_runs > 0
        self.total_runs += len(cells)
        self.remaining.planned(cells)
        if added:
            return [f"{len(cells)} more runs"]
        return [*(f"{strategy} trains {words}" for strategy, words in what_trains.items()), f"{len(cells)} runs"]

    def _finished(self, cell: Cell, record: RunRecord) -> str:
        """The run is counted; what to say of it."""
        self.remaining.finished(cell, whole=record.status == "done")
        if cell.is_trial:
            return f"  {run_name(cell)}: {outcome(record)}"
        self.done_runs += 1
        left = self.remaining.of_all() if self.done_runs < self.total_runs else None
        return f"[{self.done_runs}/{self.total_runs}] {_called(cell)}: {outcome(record)}" + (
            "" if left is None else f" (about {in_words(left)} left)"
        )


def in_words(seconds: float) -> str:
    """A duration as the plan words it."""
    from unfreeze.experiments.plan import in_words as worded

    return worded(seconds)


def _called(cell: Cell) -> str:
    model = f"{cell.model} " if len(cell.model) < LONGEST_MODEL else ""
    return f"{model}{run_name(cell)}"
