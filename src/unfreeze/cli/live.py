"""A comparison as it runs: a progress bar with the time left in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.cli.terminal import one_line, say
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.listener import Listener
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress

SHOWN = ("accuracy", "macro_f1", "entity_f1", "micro_f1", "exact_match", "f1", "pearson", "mae", "loss")


class LiveListener(Listener):
    """Shows what is inferred, what trains, each run's progress and result, and the time left overall."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.begin = time.monotonic()
        self.total_runs = 0
        self.done_runs = 0
        self.bars: Any = None  # one line for each run that is under way
        self.lines: dict[Cell, Any] = {}
        self.in_terminal = sys.stderr.isatty() and not quiet

    def said(self, text: str) -> None:
        if not self.quiet:
            say(text)

    def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
        added = self.total_runs > 0
        if not added:
            self.begin = time.monotonic()
            for strategy, words in what_trains.items():
                self.said(f"{strategy} trains {words}")
        self.total_runs += len(cells)
        self.said(f"{len(cells)} more runs" if added else f"{len(cells)} runs")

    def run_started(self, cell: Cell, number: int) -> None:
        if not self.in_terminal:
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        if self.bars is None:
            self.bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[score]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.bars.start()
        place = "search" if cell.is_trial else f"{self.done_runs + len(self.lines) + 1}/{self.total_runs}"
        self.lines[cell] = self.bars.add_task(escape(one_line(f"{place} {_name(cell)}")), total=None, score="")

    def progressed(self, cell: Cell, progress: Progress) -> None:
        if progress.metrics is not None and not cell.is_trial:
            self.said(
                f"  epoch {progress.epoch:g}: loss {progress.loss:.3f}, validation " + _headline(progress.metrics)
            )
        if self.bars is not None and cell in self.lines:
            self.bars.update(
                self.lines[cell],
                completed=progress.step,
                total=progress.total_steps,
                score=f"loss {progress.loss:.3f}",
            )

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        if self.bars is not None and cell in self.lines:
            self.bars.remove_task(self.lines.pop(cell))
            if not self.lines:
                self.bars.stop()
                self.bars = None
        if cell.is_trial:
            self.said(f"  {_name(cell)}: {_result(record)}")
            return
        self.done_runs += 1
        elapsed = time.monotonic() - self.begin
        # Runs of one strategy cost about the same; across strategies this is a rough mean, and it says so.
        left = elapsed / self.done_runs * (self.total_runs - self.done_runs)
        model = f"{cell.model} " if len(cell.model) < 40 else ""
        self.said(
            f"[{self.done_runs}/{self.total_runs}] {model}{_name(cell)}: {_result(record)}"
            + (f" (about {left:.0f} s left)" if self.done_runs < self.total_runs else "")
        )


def _name(cell: Cell) -> str:
    """What tells a run from the others: strategy and seed, the rate of a trial, the share of the data."""
    parts = [str(cell.strategy)]
    if cell.is_trial:
        parts += [f"learning rate {cell.learning_rate:g}", f"{100 * cell.share:g} % of a run"]
    if cell.train_share is not None:
        parts.append(f"on {100 * cell.train_share:g} % of the data")
    return " ".join([*parts, f"seed {cell.seed}"])


def _result(record: RunRecord) -> str:
    metric = record.selection_metric
    if record.status != "done" or metric is None:
        return f"{record.status}: {record.error}"
    rising = "" if record.converged is not False else ", not converged: still rising at the last evaluation"
    learnt = "" if record.degenerate is None else f", learnt nothing: {record.degenerate}"
    return (
        f"validation {metric} {record.validation[metric]:.4f} at epoch {record.best_epoch:g}, "
        f"trained {record.train_seconds:.1f} s{rising}{learnt}"
    )


def _headline(metrics: Mapping[str, float]) -> str:
    """The scores people look for first, whichever of them the task has."""
    shown = [name for name in SHOWN if name in metrics]
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in shown)
