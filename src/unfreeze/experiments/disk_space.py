"""Is there room for a comparison? Asked before the first run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from unfreeze.experiments.cell import Cell
from unfreeze.experiments.fitting import Fit
from unfreeze.storage.folders import OutputError
from unfreeze.strategies import Strategy
from unfreeze.training.checkpoint import KEPT

BYTES = 4  # of a number
SPARE = 2**26  # for records, predictions and the report


def refuse_without_room(
    output: Path, fits: Mapping[str, Mapping[Strategy, Fit]], cells: Sequence[Cell], runs_at_once: int
) -> None:
    """What the missing runs leave, and what the largest of them hold while they train.

    Raises:
        OutputError: it is more than is free.
    """
    if not cells:
        return
    models = sum(BYTES * fits[cell.model][cell.strategy].kept_numbers for cell in cells)
    # While it trains: states of weights and two moments, one more while the oldest is there; two sets of best weights.
    largest = max(fits[cell.model][cell.strategy].trained_numbers for cell in cells)
    states = runs_at_once * BYTES * largest * (3 * (KEPT + 1) + 2)
    needed, free = models + states + SPARE, shutil.disk_usage(output).free
    if needed > free:
        raise OutputError(
            f"--output {output}: {len(cells)} runs need {needed / 1e9:.1f} GB there ({models / 1e9:.1f} of models, "
            f"{states / 1e9:.1f} to resume from), and {free / 1e9:.1f} GB are free. Make room, choose another folder, "
            "or fewer --seeds or strategies."
        )
