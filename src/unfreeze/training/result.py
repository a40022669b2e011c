"""What the loop tells of a run: after each step, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from unfreeze.evaluation.evaluate import Evaluation


@dataclass(frozen=True)
class Progress:
    """What the loop says after each step; `metrics` only right after an evaluation."""

    step: int
    total_steps: int
    epoch: float
    loss: float
    metrics: dict[str, float] | None = None


@dataclass
class TrainingResult:
    """What a finished training measured. The network holds the selected weights."""

    history: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    epochs_run: int = 0
    best: Evaluation | None = None  # the selected evaluation on validation
    best_epoch: float | None = None
    seconds_to_best: float | None = None
    converged: bool | None = None
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    save_seconds: float = 0.0
    cache_seconds: float | None = None  # finding or filling the cache of frozen layers
    tokens: int = 0
    flops: float = 0.0
    notes: list[str] = field(default_factory=list)  # what could not be done as planned
