"""A comparison as it runs: a progress bar with the time left in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from unfreeze.cli.terminal import say
from unfreeze.experiments.listener import Cell, Listener
from unfreeze.storage.records import RunRecord
from unfreeze.training.loop import Progress


class LiveListener(Listener):
    """Shows what is inferred, what trains, each run's progress and result, and the time left overall."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.begin = time.monotonic()
        self.total_runs = 0
        self.done_runs = 0
        self.bar: Any = None
        self.bar_task: Any = None
        self.in_terminal = sys.stderr.isatty() and not quiet

    def said(self, text: str) -> None:
        if not self.quiet:
            say(text)

    def planned(self, cells: Sequence[Cell], what_trains: dict[str, str]) -> None:
        self.begin = time.monotonic()
        self.total_runs = len(cells)
        for strategy, words in what_trains.items():
            self.said(f"{strategy} trains {words}")
        self.said(f"{len(cells)} runs")

    def run_started(self, cell: Cell, number: int) -> None:
        if not self.in_terminal:
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        label = escape(f"{number}/{self.total_runs} {cell.strategy} seed {cell.seed}")
        self.bar_task = self.bar.add_task(label, total=None, score="")
        self.bar.start()

    def progressed(self, cell: Cell, progress: Progress) -> None:
        if progress.metrics is not None:
            self.said(
                f"  epoch {progress.epoch:g}: loss {progress.loss:.3f}, validation " + _headline(progress.metrics)
            )
        if self.bar is None:
            return
        score = f"loss {progress.loss:.3f}"
        self.bar.update(self.bar_task, completed=progress.step, total=progress.total_steps, score=score)

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
        self.done_runs += 1
        elapsed = time.monotonic() - self.begin
        # Runs of one strategy cost about the same; across strategies this is a rough mean, and it says so.
        left = elapsed / self.done_runs * (self.total_runs - self.done_runs)
        metric = record.selection_metric
        if record.status == "done" and metric is not None:
            rising = "" if record.converged is not False else ", not converged: still rising at the last evaluation"
            result = (
                f"validation {metric} {record.validation[metric]:.4f} at epoch {record.best_epoch:g}, "
                f"trained {record.train_seconds:.1f} s{rising}"
            )
        else:
            result = f"{record.status}: {record.error}"
        model = f"{cell.model} " if len(cell.model) < 40 else ""
        self.said(
            f"[{self.done_runs}/{self.total_runs}] {model}{cell.strategy} seed {cell.seed}: {result}"
            + (f" (about {left:.0f} s left)" if self.done_runs < self.total_runs else "")
        )


def _headline(metrics: dict[str, float]) -> str:
    """The scores people look for first, whichever of them the task has."""
    shown = [name for name in ("accuracy", "macro_f1", "entity_f1", "loss") if name in metrics]
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in shown)
