"""Regression: a number for each text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any, ClassVar

from unfreeze.batching.features import Batch, Features
from unfreeze.data.examples import Example, NumberExample
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.regression import R2, Pearson, regression_scores
from unfreeze.metrics.resampling import ResampledMetric
from unfreeze.tasks.cross_entropy import at_least_fp32
from unfreeze.tasks.task import Comparable, Model, Prediction, required
from unfreeze.tasks.texts import TextTask, weights_of

if TYPE_CHECKING:
    from random import Random

    from torch import Tensor

NAME = "value"  # what the one output is called where others have labels


@dataclass(frozen=True)
class Regression(TextTask):
    """One number for each text or pair of texts, such as stars or a similarity."""

    name: ClassVar[str] = "regression"
    takes: ClassVar[type[Any]] = NumberExample
    has_labels: ClassVar[bool] = False
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {"pearson": Pearson(), "r2": R2()}
    errors: ClassVar[tuple[str, ...]] = ("mse", "mae")

    @classmethod
    def for_config(cls, config: Any, labels: LabelSet) -> Regression | None:
        # The stock networks take a single output without a problem type for this task too.
        one = len(labels) == 1 and config.problem_type is None
        return cls() if one or config.problem_type == "regression" else None

    @property
    def selection_metric(self) -> str:
        return "pearson"

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        return LabelSet((NAME,))

    def config(self, labels: LabelSet) -> dict[str, Any]:
        return super().config(labels) | {"problem_type": "regression"}

    def gold(self, example: Example) -> float | None:
        assert isinstance(example, NumberExample)
        return example.value

    def targets(self, example: Example, labels: LabelSet) -> list[float]:
        return [required(self.gold(example), example)]

    def no_targets(self, labels: LabelSet) -> list[float]:
        return [nan]

    def random_labels(self, rng: Random, tokens: int, num_labels: int) -> list[float]:
        return [rng.random()]

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean squared error."""
        import torch

        numbers = at_least_fp32(outputs.logits).squeeze(-1)
        targets = batch.labels.to(numbers.dtype)
        counted = torch.isfinite(targets).to(numbers.dtype)
        if (weights := weights_of(batch)) is not None:
            counted = counted * weights.to(numbers.dtype)
        return ((numbers - targets.nan_to_num()).square() * counted).sum(), counted.sum()

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        """The mean squared distance from the teacher's numbers, which no temperature softens."""
        import torch

        own, theirs = (at_least_fp32(one.logits).squeeze(-1) for one in (outputs, taught))
        counted = torch.isfinite(batch.labels).to(own.dtype)
        if (weights := weights_of(batch)) is not None:
            counted = counted * weights.to(own.dtype)
        return ((own - theirs).square() * counted).sum()

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        return list(outputs.logits.float().tolist())

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        numbers = self.by_example(features, reduced, len(examples))
        return [Prediction(i, float(number[0]), ()) for i, number in enumerate(numbers)]

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        gold = [required(self.gold(example), example) for example in examples]
        return regression_scores(gold, [float(one.predicted) for one in predictions])  # type: ignore[arg-type]

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return {}

    @classmethod
    def comparable(cls, row: Mapping[str, Any]) -> Comparable | None:
        return None

    def answers(self, inputs: Sequence[Any], model: Model, **options: Any) -> list[Any]:
        """One `{"label": "value", "score"}` for each text; the score is the number."""
        return [{"label": NAME, "score": one.predicted} for one in self.predicted(inputs, model)]
