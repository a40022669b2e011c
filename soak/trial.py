"""One trial of endurance and its figure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """How many of how many attempts went as promised."""

    good: int
    attempts: int
    detail: str = ""
    stock: str = ""  # what the stock Trainer does there, where it can take part

    @property
    def kept(self) -> bool:
        """Is the promise kept?"""
        return self.good == self.attempts > 0


@dataclass
class Tally:
    """Counts attempts and remembers the first that failed."""

    good: int = 0
    attempts: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, good: bool, what: str) -> None:
        """One attempt more."""
        self.attempts += 1
        self.good += good
        if not good:
            self.failures.append(what)

    def figure(self, detail: str = "", stock: str = "") -> Figure:
        """With the first failures."""
        return Figure(self.good, self.attempts, "; ".join([detail, *self.failures[:3]]).strip("; "), stock)


@dataclass(frozen=True)
class Ground:
    """Where a trial runs, and how long it may take."""

    folder: Path  # empty, its own
    short: bool  # the tier within `make test`
    seed: int

    def times(self, short: int, long: int) -> int:
        """How often."""
        return short if self.short else long

    def random(self, name: str) -> random.Random:
        """Numbers that depend on the seed and the name only."""
        return random.Random(f"{self.seed} {name}")


@dataclass(frozen=True)
class Trial:
    """One line of the table."""

    number: int
    promise: str  # of the ten that docs/reliability.md names
    name: str
    run: Callable[[Ground], Figure]
