"""What the runs of a comparison predicted, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unfreeze.metrics.resampling import example_counts
from unfreeze.storage.records import RunRecord, read_predictions

Rows = list[dict[str, Any]]
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """The predictions on one split of the runs of one model that may be compared, by strategy and seed."""

    split: str  # its name in the files
    rows: dict[str, list[Rows]]

    @classmethod
    def read(cls, output: Path, records: Sequence[RunRecord], split: str) -> Predicted:
        """Those of finished runs on all of the training data, with the strategies in order of appearance."""
        rows: dict[str, list[Rows]] = {}
        for record in records:
            if record.model is not None and counts_in_tables(record):
                found = read_predictions((output / record.model).parent, split)
                if found:
                    rows.setdefault(record.strategy, []).append(found)
        return cls(split, rows)

    @cached_property
    def labels(self) -> list[str]:
        """Every label in any prediction, so that the counts of all strategies line up."""
        found: set[str] = set()
        for by_seed in self.rows.values():
            for rows in by_seed:
                for row in rows:
                    for side in (row["gold"], row["predicted"]):
                        found.update([side] if isinstance(side, str) else side)
        return sorted(found)

    @property
    def gold(self) -> list[Any]:
        """The right answers, in order of the examples; empty where nothing was predicted."""
        first = next((by_seed[0] for by_seed in self.rows.values()), [])
        return [row["gold"] for row in first]

    def counts(self, metric: str) -> dict[str, Counts]:
        """Strategy to counts of shape (seeds, examples, counts), as `metrics.resampling` makes them."""
        return {
            strategy: np.stack(
                [
                    example_counts(metric, [r["gold"] for r in rows], [r["predicted"] for r in rows], self.labels)
                    for rows in by_seed
                ]
            )
            for strategy, by_seed in self.rows.items()
        }


def counts_in_tables(record: RunRecord) -> bool:
    """Does a run count where strategies are compared? It is finished, learnt something, and saw all training data."""
    return record.status == "done" and record.degenerate is None and record.train_share is None
