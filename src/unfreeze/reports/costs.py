"""The costs that quality is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unfreeze.reports import quantities


@dataclass(frozen=True)
class Cost:
    """A number of a record, by its name there and in `pareto` of `comparison.json`, and how it is said."""

    name: str
    words: str
    write: Callable[[float | None], str]
    figure: str  # name of the file of its figure
    ticks: tuple[float, ...] = ()  # distances between numbers on an axis, where powers of ten are not round


_ROUND_SECONDS = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    20,
    30,
    *(60 * m for m in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3000, 6000)),
)

COSTS = (
    Cost("fit_seconds", "training time", quantities.seconds, "training-time", _ROUND_SECONDS),
    Cost("peak_memory_bytes", "peak memory", quantities.memory, "memory"),
    Cost("trainable_parameters", "trainable parameters", quantities.count, "parameters"),
)

# What the seconds of a run go into: how it is said, and the field of its record.
SECONDS_SPLIT = (
    ("training", "train_seconds"),
    ("evaluation", "evaluate_seconds"),
    ("caching", "cache_seconds"),
    ("testing", "test_seconds"),
    ("saving", "save_seconds"),
)
