"""Predict a split in length-sorted batches and score it; memory stays that of one batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Encoded
from unfreeze.batching.order import evaluation_batches
from unfreeze.batching.window_file import token_counts
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet
from unfreeze.models.modes import evaluating
from unfreeze.tasks.task import Prediction, Task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Split:
    """The examples of one split with their windows, encoded once and used by every strategy and seed."""

    examples: Sequence[Example]
    encoded: Encoded


@dataclass(frozen=True)
class Evaluation:
    """Scores of one split. `metrics` holds the mean loss under "loss", unless training knows none of its labels."""

    metrics: dict[str, float]
    breakdown: dict[str, dict[str, float]]
    predictions: list[Prediction]
    seconds: float
    task: Task  # as validation calibrated it


@dataclass(frozen=True)
class Evaluator:
    """How to evaluate any split with a task; the network comes with each call."""

    task: Task
    labels: LabelSet
    collator: Collator
    speedups: Speedups
    tokens_per_batch: int = 2048

    def predict(self, network: nn.Module, split: Split) -> list[Prediction]:
        """One prediction for each example of the split, in their order; labels, if any, are not looked at."""
        reduced, _ = self._run(network, split.encoded, with_loss=False)
        return self.task.decode(split.encoded.features, reduced, self.labels, split.examples)

    def evaluate(self, network: nn.Module, split: Split, *, calibrate: bool = False) -> Evaluation:
        """Predictions and scores of a labelled split.

        Args:
            calibrate: the split is validation data: what the task can tune on it, is tuned first.
        """
        begin = time.perf_counter()
        reduced, loss = self._run(network, split.encoded, with_loss=True)
        task, examples = self.task, split.examples
        predictions = task.decode(split.encoded.features, reduced, self.labels, examples)
        if calibrate:
            task = task.calibrated(examples, predictions)
            predictions = task.decided(predictions)
        metrics = task.score(examples, predictions)
        if loss is not None:
            metrics["loss"] = loss
        breakdown = task.breakdown(examples, predictions)
        return Evaluation(metrics, breakdown, predictions, time.perf_counter() - begin, task)

    def _run(self, network: nn.Module, encoded: Encoded, *, with_loss: bool) -> tuple[list[Any], float | None]:
        import torch

        features = encoded.features
        reduced: list[Any] = [None] * len(features)
        total = units = 0.0
        with evaluating(network), torch.inference_mode():
            for indices in evaluation_batches(token_counts(features), self.tokens_per_batch):
                batch = self.collator([features[i] for i in indices])
                outputs = self.speedups.forward(network, batch)
                for i, window in zip(indices, self.task.reduce(outputs, batch), strict=True):
                    reduced[i] = window
                if with_loss:
                    batch_total, batch_units = self.task.loss(outputs, batch)
                    total += float(batch_total)
                    units += float(batch_units)
        return reduced, total / units if units else None
