"""What a training step makes small."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unfreeze.batching.features import Batch
from unfreeze.tasks.task import Task

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Criterion:
    """The loss of a task."""

    task: Task
    label_weights: Tensor | None = None

    def __call__(self, outputs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        """(sum of the loss, number of units it sums over)."""
        return self.task.loss(outputs, batch, self.label_weights)

    @property
    def reads_layers(self) -> bool:
        """Must the layers run as they stand in the network, all of them and with their padding?"""
        return False

    def watching(self, network: nn.Module) -> AbstractContextManager[Any]:
        """Inside, it sees of the network that trains whatever it needs beside its outputs."""
        return nullcontext()

    def operations(self, tokens: Sequence[int]) -> float:
        """Floating-point operations of a step on windows of so many tokens, beside those of the network that trains."""
        return 0.0
