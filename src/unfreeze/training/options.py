"""How one run trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unfreeze.batching.order import Sampling
from unfreeze.training.schedule import SchedulerType


@dataclass(frozen=True)
class TrainingOptions:
    """How one run trains; the names are the stock Trainer's. Defaults live in the settings, not here."""

    epochs: int
    max_steps: int | None
    max_seconds: float | None  # of optimisation; the schedule then runs over seconds and not over steps
    learning_rate: float
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    weight_decay: float
    max_grad_norm: float
    lr_scheduler_type: SchedulerType
    warmup_steps: float
    eval_strategy: Literal["epoch", "steps"]
    eval_steps: int | None
    early_stopping_patience: int | None
    metric_for_best_model: str
    train_sampling_strategy: Sampling
    frozen_dropout: bool
    nonfinite: Literal["stop", "skip"]  # what to do where the loss or a gradient is no finite number
    seed: int
