"""One run that is to be made, and the address that its result has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from unfreeze.storage.folders import run_folder
from unfreeze.strategies import Strategy


@dataclass(frozen=True)
class Cell:
    """One run that is to be made, or a trial of the learning-rate search, which saves no model."""

    model: str
    strategy: Strategy
    seed: int
    learning_rate: float | None = None  # what a search found or tries; None: the settings' or the strategy's
    train_share: float | None = None  # of the training data; None: all of it
    share: float = 1.0  # of the run's training; below 1 for trials only
    is_trial: bool = False  # made only to choose a learning rate


def cell_folder(output: Path, cell: Cell, content: Any) -> Path:
    """Where the result of a cell is found: the hash in it is of all that decides the result, but for the seed.

    Args:
        content: what decides it beside the cell: data, weights, settings.
    """
    identity = [content, str(cell.strategy), cell.learning_rate, cell.train_share, cell.share]
    text = json.dumps(identity, sort_keys=True, default=str)
    kind: Literal["runs", "search"] = "search" if cell.is_trial else "runs"
    return run_folder(output, cell.model, str(cell.strategy), text, cell.seed, kind=kind)
