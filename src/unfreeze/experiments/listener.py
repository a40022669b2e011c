"""What a comparison tells while it runs; the command line shows it live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unfreeze.experiments.cell import Cell
from unfreeze.storage.records import RunRecord
from unfreeze.training.result import Progress

if TYPE_CHECKING:
    from unfreeze.experiments.bench import Bench
    from unfreeze.experiments.conclude import Comparison


class Listener:
    """What a comparison tells while it runs. By default: nothing. The command line shows it live."""

    def said(self, text: str) -> None:
        """Something was inferred, decided or found."""

    def began(self, bench: Bench) -> None:
        """The folder is open, and no run has begun. `bench` knows the data and where the results of runs lie."""

    def estimated(self, planned: Sequence[Mapping[str, Any]], at_once: int) -> None:
        """What the runs to come will take, as `plan` in `comparison.json` has it, and how many there are at a time."""

    def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
        """Runs to come, and what each strategy trains. Called again, with more runs, if seeds are added."""

    def run_found(self, cell: Cell, record: RunRecord) -> None:
        """The result of a run was in the folder already. Called again whenever it is looked up."""

    def run_started(self, cell: Cell, number: int) -> None:
        """A run begins, or a trial of the learning-rate search."""

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """A step or an evaluation is done."""

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        """A run or a trial ended, well or not."""

    def concluded(self, comparison: Comparison) -> None:
        """All runs are made and compared; the report is not written yet."""
