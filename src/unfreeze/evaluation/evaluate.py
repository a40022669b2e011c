"""Predict a split in length-sorted batches and score it; memory stays that of one batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.out_of_memory import is_out_of_memory
from unfreeze.acceleration.ranks import ALONE, Ranks
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Encoded, Features
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


def _nothing() -> None:
    """What is called where nobody wants to be; not a lambda, for evaluators are sent to other processes."""


@dataclass(frozen=True)
class Evaluator:
    """How to evaluate any split with a task; the network comes with each call."""

    task: Task
    labels: LabelSet
    collator: Collator
    speedups: Speedups
    tokens_per_batch: int = 2048
    between: Callable[[], object] = _nothing  # called between two batches; may raise
    ranks: Ranks = ALONE  # several processes take the batches in turns, and all of them get all predictions

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
        reduced: list[tuple[int, Any]] = []
        total = units = 0.0
        with evaluating(network), torch.inference_mode():
            for indices in self.ranks.share(evaluation_batches(token_counts(features), self.tokens_per_batch)):
                if self.ranks.alone:  # the others would wait for one that stops by itself
                    self.between()
                windows, batch_total, batch_units = self._batch(network, [features[i] for i in indices], with_loss)
                reduced += zip(indices, windows, strict=True)
                total, units = total + batch_total, units + batch_units
        total, units = self.ranks.sums(total, units)
        whole = sorted(self.ranks.gathered(reduced), key=itemgetter(0))
        return [window for _, window in whole], total / units if units else None

    def _batch(
        self, network: nn.Module, windows: Sequence[Features], with_loss: bool
    ) -> tuple[list[Any], float, float]:
        """What is kept of each window, the summed loss and its units. Where memory runs out, half of them at a time."""
        try:
            batch = self.collator(windows)
            outputs = self.speedups.forward(network, batch)
            total, units = self.task.loss(outputs, batch) if with_loss else (0.0, 0.0)
            return list(self.task.reduce(outputs, batch)), float(total), float(units)
        except (RuntimeError, MemoryError) as error:
            if len(windows) == 1 or not is_out_of_memory(error):
                raise
        half = len(windows) // 2
        first, first_total, first_units = self._batch(network, windows[:half], with_loss)
        second, second_total, second_units = self._batch(network, windows[half:], with_loss)
        return first + second, first_total + second_total, first_units + second_units
