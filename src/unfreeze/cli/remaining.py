"""How long the runs to come will take, about: what finished runs took, else what the plan says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from heapq import heapreplace
from statistics import fmean
from typing import Any

from unfreeze.experiments.cell import Cell
from unfreeze.training.result import Progress

SURE_SHARE = 0.02  # of its steps: before so many a run is judged by the others of its strategy

Key = tuple[str, str]  # model, strategy


class Remaining:
    """Follows the runs of a comparison. All times are seconds.

    Args:
        clock: the time now.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.waiting: list[Cell] = []
        self.begun: dict[Cell, float] = {}  # when each run that is under way was started
        self._steps: dict[Cell, tuple[float, float]] = {}  # its share of steps done, and when
        self._took: dict[Key, list[float]] = {}  # what a whole run took
        self._planned: dict[Key, float] = {}
        self._estimates: dict[Key, float] = {}  # of all runs of a strategy, until it is known which those are
        self._at_once = 1

    def estimated(self, planned: Sequence[Mapping[str, Any]], at_once: int) -> None:
        """The plan: entries as in `comparison.json`, and how many runs there are at a time."""
        self._at_once = at_once
        self._estimates = {(one["model_name"], one["strategy"]): sum(one["seconds"]) / 2 for one in planned}

    def planned(self, cells: Sequence[Cell]) -> None:
        """Runs to come, beside those that are known."""
        for key, seconds in self._estimates.items():
            weight = sum(_weight(cell) for cell in cells if _key(cell) == key)
            if weight:
                self._planned[key] = seconds / weight
        self._estimates = {}
        self.waiting += cells

    def started(self, cell: Cell) -> None:
        if cell in self.waiting:
            self.waiting.remove(cell)
        self.begun[cell] = self.clock()
        self._at_once = max(self._at_once, len(self.begun))

    def progressed(self, cell: Cell, progress: Progress) -> None:
        if progress.total_steps:
            self._steps[cell] = (progress.step / progress.total_steps, self.clock())

    def finished(self, cell: Cell, *, whole: bool) -> None:
        """`whole`: it came to its end, and tells what others will take."""
        begun = self.begun.pop(cell, None)
        self._steps.pop(cell, None)
        if begun is not None and whole and not cell.is_trial:
            self._took.setdefault(_key(cell), []).append((self.clock() - begun) / _weight(cell))

    def elapsed(self, cell: Cell) -> float:
        """Since a run that is under way was started."""
        return self.clock() - self.begun[cell]

    def of_run(self, cell: Cell) -> float | None:
        """Until a run that is under way ends, if nothing stops it early; None: nobody knows."""
        share, when = self._steps.get(cell, (0.0, 0.0))
        if share >= SURE_SHARE:
            pace = (when - self.begun[cell]) / share
            return max(0.0, self.begun[cell] + pace - self.clock())
        expected = self._expected(cell)
        return None if expected is None else max(0.0, expected - self.elapsed(cell))

    def of_all(self) -> float | None:
        """Until the last run ends; None: nobody knows."""
        running = [self.of_run(cell) for cell in self.begun]
        waiting = [self._expected(cell) for cell in self.waiting]
        known = [one for one in (*running, *waiting) if one is not None]
        if len(known) < len(running) + len(waiting):
            return None
        # As the launcher does: whichever place is free first takes the next run.
        places = sorted([*known[: len(running)], *[0.0] * (self._at_once - len(running))])
        for seconds in known[len(running) :]:
            heapreplace(places, places[0] + seconds)
        return max(places, default=0.0)

    def _expected(self, cell: Cell) -> float | None:
        """What the whole run takes; of an unknown strategy as much as the known ones on average."""
        key = _key(cell)
        if key in self._took:
            return fmean(self._took[key]) * _weight(cell)
        if key in self._planned:
            return self._planned[key] * _weight(cell)
        known = self._planned | {one: fmean(took) for one, took in self._took.items()}
        return fmean(known.values()) * _weight(cell) if known else None


def _key(cell: Cell) -> Key:
    return cell.model, str(cell.strategy)


def _weight(cell: Cell) -> float:
    """Runs on a part of the data, and short trials, take that part of a run."""
    return cell.share * (1.0 if cell.train_share is None else cell.train_share)
