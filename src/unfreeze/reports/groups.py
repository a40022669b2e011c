"""Runs that differ only in their seed belong together: one line of a table, one colour of a figure.

Runs on a part of the training data stand beside them in a comparison and belong to no group: the section on more data
tells of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from unfreeze.statistics.counted import state_of, which_count
from unfreeze.statistics.full_reference import full_among
from unfreeze.statistics.ranges import mean_and_range, overlap
from unfreeze.storage.records import RunRecord

LOWER_IS_BETTER = frozenset({"loss", "perplexity", "mse", "mae"})


@dataclass(frozen=True)
class Group:
    """All runs of one strategy on one model with one number of training examples."""

    label: str  # unique within a report, and no longer than that needs
    model_name: str
    strategy: str
    train_examples: int | None
    runs: tuple[RunRecord, ...]

    @property
    def counted(self) -> list[RunRecord]:
        """The runs whose numbers count, as they do in verdicts and recommendation; the others are named."""
        return list(compress(self.runs, which_count(map(vars, self.runs))))

    def mean(self, number: Callable[[RunRecord], float | None]) -> float | None:
        """Mean over the runs that count and know the number; None if none does."""
        known = [value for value in map(number, self.counted) if value is not None]
        return float(np.mean(known)) if known else None

    @property
    def fit_seconds(self) -> float | None:
        """Mean over the runs that count, if all know it."""
        return mean_and_range(run.fit_seconds for run in self.counted)[0]

    @property
    def fit_range(self) -> tuple[float, float] | None:
        """Of the shortest and the longest run that counts, in seconds, if all know it."""
        return mean_and_range(run.fit_seconds for run in self.counted)[1]

    def overlaps(self, other: Group) -> bool:
        """Are these strategies whose training times cannot be told apart?"""
        return self is not other and overlap(self.fit_range, other.fit_range)

    def scores(self, split: str, metric: str) -> list[float]:
        """One score for each run that counts and has it; `split` is "validation" or "test"."""
        found = [(run.validation if split == "validation" else run.test).get(metric) for run in self.counted]
        return [value for value in found if value is not None]


def state(run: RunRecord) -> str:
    """The status of a run, or "degenerate" if it ended and its predictions show that it learnt nothing."""
    return state_of(vars(run))


def selection_metric(records: Iterable[RunRecord]) -> str | None:
    """The metric that selects, as the first record that names one has it."""
    return next((record.selection_metric for record in records if record.selection_metric), None)


def is_better_high(metric: str) -> bool:
    """Whether a larger value of the metric is better."""
    return metric not in LOWER_IS_BETTER


def group_runs(records: Sequence[RunRecord]) -> list[Group]:
    """Groups by their mean validation score, best first; those without a score last, in order of appearance.

    Only of runs on all training data.
    """
    records = [record for record in records if record.train_share is None]
    sizes: dict[tuple[str, str], list[int]] = {}
    for record in records:
        known = sizes.setdefault((record.model_name, record.strategy), [])
        if record.train_examples is not None and record.train_examples not in known:
            known.append(record.train_examples)
    grouped: dict[tuple[str, str, int | None], list[RunRecord]] = {}
    for record in records:
        known = sizes[record.model_name, record.strategy]
        # A run that failed early does not know its number of examples; where there is only one, it is that.
        size = known[0] if record.train_examples is None and len(known) == 1 else record.train_examples
        grouped.setdefault((record.model_name, record.strategy, size), []).append(record)
    metric = selection_metric(records) or ""
    labels = _labels(list(grouped))
    groups = [
        Group(label, *key, runs=tuple(sorted(runs, key=lambda run: run.seed)))
        for label, (key, runs) in zip(labels, grouped.items(), strict=True)
    ]
    sign = -1 if is_better_high(metric) else 1

    def order(group: Group) -> tuple[bool, float]:
        scores = group.scores("validation", metric)
        return (not scores, sign * float(np.mean(scores)) if scores else 0.0)

    return sorted(groups, key=order)


def full_of(groups: Iterable[Group]) -> dict[tuple[str, int | None], Group]:
    """Full fine-tuning by model and number of training examples, where it is among the groups."""
    found: dict[tuple[str, int | None], list[Group]] = {}
    for group in groups:
        found.setdefault((group.model_name, group.train_examples), []).append(group)
    named = {key: full_among(one.strategy for one in some) for key, some in found.items()}
    return {key: next(one for one in some if one.strategy == named[key]) for key, some in found.items() if named[key]}


def _labels(keys: Sequence[tuple[str, str, int | None]]) -> list[str]:
    """The strategy, with the model and the number of examples only where they tell two lines apart."""
    several_models = len({model for model, _, _ in keys}) > 1
    several_sizes = len({size for _, _, size in keys if size is not None}) > 1
    labels = []
    for model, strategy, size in keys:
        parts = [strategy]
        if several_models:
            parts.append(model.rstrip("/").rsplit("/", 1)[-1])
        if several_sizes and size is not None:
            parts.append(f"{size} examples")
        labels.append(" · ".join(parts))
    # Two models whose last names are equal: their whole names tell them apart.
    return [
        label if labels.count(label) == 1 else f"{label} · {model}"
        for label, (model, _, _) in zip(labels, keys, strict=True)
    ]
