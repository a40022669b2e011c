"""A comparison as it runs, in a terminal: a table of the runs under way, with finished ones as lines above it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from unfreeze.cli.plain_lines import LONGEST_MODEL, PlainLines, in_words
from unfreeze.cli.run_words import run_name
from unfreeze.cli.terminal import one_line
from unfreeze.experiments.cell import Cell
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress

if TYPE_CHECKING:
    from rich.console import Console, Group

    from unfreeze.cli.live_table import RunRow
    from unfreeze.experiments.bench import Bench
    from unfreeze.experiments.conclude import Comparison

REFRESHES = 2  # a second
STARTING, ENDING = "starting", "ending"  # it loads; it saves and answers the test sets


class LiveTable(PlainLines):
    """What `PlainLines` says, above a table that is drawn anew twice a second while runs are under way."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        super().__init__()
        self.console = console or Console(stderr=True)
        self.metric = "score"
        self.models: set[str] = set()
        self.trials = 0
        self.scores: dict[Cell, float] = {}
        self.last: dict[Cell, Progress] = {}
        self.live: Any = None
        # The table is drawn by a thread. Whoever holds this must not print: the thread may hold the screen.
        self.lock = threading.RLock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hide()

    def said(self, text: str) -> None:
        from rich.text import Text

        self.console.print(Text(one_line(text)), soft_wrap=True)

    def began(self, bench: Bench) -> None:
        first = next(iter(bench.prepared.values()))
        self.metric = bench.settings.metric_for_best_model or first.task.selection_metric
        self.models = set(bench.prepared)

    def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
        with self.lock:
            lines = self._counted(cells, what_trains)
        for line in lines:
            self.said(line)

    def run_started(self, cell: Cell, number: int) -> None:
        with self.lock:
            self.remaining.started(cell)
        self._show()

    def progressed(self, cell: Cell, progress: Progress) -> None:
        with self.lock:
            self.remaining.progressed(cell, progress)
            self.last[cell] = progress
            if progress.metrics is not None and self.metric in progress.metrics:
                self.scores[cell] = progress.metrics[self.metric]

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        with self.lock:
            self.trials += cell.is_trial
            line = self._finished(cell, record)
            self.scores.pop(cell, None)
            self.last.pop(cell, None)
            over = not self.remaining.begun and not self.remaining.waiting
        self.said(line)
        if over:
            self._hide()

    def concluded(self, comparison: Comparison) -> None:
        self._hide()

    def drawn(self) -> Group:
        """The table as it is now."""
        from unfreeze.cli.live_table import running_table

        with self.lock:
            rows = [self._row(cell) for cell in self.remaining.begun]
            status = self._status()
        return running_table(rows, self.metric, status, self.console.width, self.console.height)

    def _row(self, cell: Cell) -> RunRow:
        from unfreeze.cli.live_table import RunRow

        last, score, left = self.last.get(cell), self.scores.get(cell), self.remaining.of_run(cell)
        model = cell.model if len(cell.model) < LONGEST_MODEL else f"...{cell.model[3 - LONGEST_MODEL :]}"
        share = 0.0 if last is None or not last.total_steps else last.step / last.total_steps
        return RunRow(
            model=model if len(self.models) > 1 else "",
            strategy=run_name(cell, seed=False),
            seed=str(cell.seed),
            epoch="" if last is None else f"{last.epoch:.1f}",
            step=STARTING if last is None else f"{last.step:,}/{last.total_steps:,}",
            loss="" if last is None else f"{last.loss:.3f}",
            score="" if score is None else f"{score:.4f}",
            elapsed=in_words(self.remaining.elapsed(cell)),
            left=ENDING if share >= 1 else "" if left is None else in_words(left),
            share=share,
        )

    def _status(self) -> str:
        left = self.remaining.of_all()
        told = (
            f"{self.done_runs} of {self.total_runs} runs finished"
            if self.total_runs
            else f"search for learning rates: {self.trials} trials finished"
        )
        return told + ("" if left is None or not self.total_runs else f", about {in_words(left)} left")

    def _show(self) -> None:
        from rich.live import Live

        if self.live is None:
            self.live = Live(
                get_renderable=self.drawn,
                console=self.console,
                refresh_per_second=REFRESHES,
                transient=True,
                redirect_stdout=False,
            )
            self.live.start()
            self.console.show_cursor(True)  # a program that is killed could not bring it back

    def _hide(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None
