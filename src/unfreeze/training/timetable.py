"""What a run does when: how many steps it makes, at which learning rates, and after which it evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from unfreeze.batching.order import training_batches
from unfreeze.training.options import TrainingOptions
from unfreeze.training.schedule import late_warmup, multiplier, warmup_length

if TYPE_CHECKING:
    import torch

ENDLESS = 10**15  # steps


@dataclass(frozen=True)
class Timetable:
    """Of one run over so many windows."""

    options: TrainingOptions
    windows: int

    @property
    def batch_size(self) -> int:
        """Windows in an optimizer step."""
        return self.options.per_device_train_batch_size * self.options.gradient_accumulation_steps

    @property
    def steps_per_epoch(self) -> int:
        return ceil(self.windows / self.batch_size)

    @property
    def total_steps(self) -> int:
        """At most; a budget of seconds ends a run that nothing else does."""
        steps = ENDLESS if self.options.max_seconds is not None else self.steps_per_epoch * self.options.epochs
        return steps if self.options.max_steps is None else min(steps, self.options.max_steps)

    @property
    def epochs(self) -> float:
        """That are planned."""
        return self.total_steps / self.steps_per_epoch

    def batches(self, lengths: Sequence[int], epoch: int) -> list[list[int]]:
        """Which windows the steps of an epoch see, for windows of these lengths in tokens."""
        return training_batches(
            lengths,
            self.batch_size,
            seed=self.options.seed,
            epoch=epoch,
            sampling=self.options.train_sampling_strategy,
        )

    def evaluations(self, steps: int) -> int:
        """In so many steps."""
        return ceil(steps / (self.options.eval_steps or self.steps_per_epoch))

    def expected_steps(self, steps: int, seconds: float) -> int:
        """How many steps the run will have; with a budget of seconds as the steps so far suggest."""
        if self.options.max_seconds is None:
            return self.total_steps
        if seconds >= self.options.max_seconds:
            return steps
        return min(self.total_steps, max(steps + 1, round(steps * self.options.max_seconds / seconds)))

    def evaluates_after(self, step: int, *, epoch_ends: bool) -> bool:
        """Is this step followed by an evaluation, if it is not the last one?"""
        if self.options.eval_strategy == "epoch":
            return epoch_ends
        assert self.options.eval_steps is not None
        return step % self.options.eval_steps == 0

    def set_learning_rates(self, optimizer: torch.optim.Optimizer, step: int, seconds: float, epoch: int) -> float:
        """Those of a step, in all groups of the optimizer; the highest of those that train.

        Args:
            seconds: of optimisation so far.
        """
        options = self.options
        warmup = warmup_length(options.warmup_steps, self.total_steps)
        progress: tuple[float, float, float] = (step, self.total_steps, warmup)
        if options.max_seconds is not None:
            progress = (seconds, options.max_seconds, options.warmup_steps * options.max_seconds)
            warmup = ceil(options.warmup_steps * self.steps_per_epoch)
        scheduled = options.learning_rate * multiplier(options.lr_scheduler_type, *progress)
        for group in optimizer.param_groups:
            key = group["key"]
            late = late_warmup(step, key.first_epoch * self.steps_per_epoch, min(warmup, self.steps_per_epoch))
            group["lr"] = scheduled * key.scales[min(epoch, len(key.scales) - 1)] * late
        training = (one for one in optimizer.param_groups if any(weights.requires_grad for weights in one["params"]))
        return float(max((group["lr"] for group in training), default=0.0))
