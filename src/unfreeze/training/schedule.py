"""The learning rate over the steps of a run, as pure functions of the step."""

from __future__ import annotations

from math import ceil, cos, pi
from typing import Literal

SchedulerType = Literal["linear", "cosine", "constant"]


def warmup_length(warmup_steps: float, total_steps: int) -> int:
    """HF's meaning of `warmup_steps`: below 1 a share of all steps, else a number of steps.

    >>> warmup_length(0.1, 50), warmup_length(7, 50)
    (5, 7)
    """
    return ceil(warmup_steps * total_steps) if warmup_steps < 1 else int(warmup_steps)


def multiplier(kind: SchedulerType, done: float, total: float, warmup: float) -> float:
    """Multiplier on the peak learning rate; equal to transformers' schedules.

    Args:
        done: steps before this one, or seconds where a run has a budget of seconds; `total` and `warmup` likewise.

    >>> [multiplier("linear", step, 4, 2) for step in range(4)]
    [0.0, 0.5, 1.0, 0.5]
    """
    if done < warmup:
        return done / warmup
    if kind == "constant":
        return 1.0
    progress = (done - warmup) / (total - warmup) if total > warmup else 0.0
    if kind == "linear":
        return max(0.0, 1.0 - progress)
    return max(0.0, 0.5 * (1.0 + cos(pi * progress)))


def late_warmup(step: int, first_step: int, warmup: int) -> float:
    """Multiplier for parameters that start to train at `first_step` > 0: they warm up anew from there.

    >>> [late_warmup(step, 10, 2) for step in (10, 11, 12)]
    [0.0, 0.5, 1.0]
    """
    if first_step == 0 or step >= first_step + warmup:
        return 1.0
    return (step - first_step) / max(warmup, 1)
