"""What a comparison tells while it runs; the command line shows it live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unfreeze.storage.records import RunRecord
from unfreeze.strategies import Strategy
from unfreeze.training.loop import Progress


@dataclass(frozen=True)
class Cell:
    """One run that is to be made."""

    model: str
    strategy: Strategy
    seed: int


class Listener:
    """What a comparison tells while it runs. By default: nothing. The command line shows it live."""

    def said(self, text: str) -> None:
        """Something was inferred, decided or found."""

    def planned(self, cells: Sequence[Cell], what_trains: dict[str, str]) -> None:
        """All runs to come, and what each strategy trains."""

    def run_started(self, cell: Cell, number: int) -> None:
        """A run begins."""

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """A step or an evaluation is done."""

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        """A run ended, well or not."""
