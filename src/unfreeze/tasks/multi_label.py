"""Multi-label classification: any number of labels for each text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unfreeze.batching.features import IGNORE, Batch, Features
from unfreeze.data.examples import Example, MultiLabelExample
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.multi_label import SubsetAccuracy, multi_label_scores, multi_label_scores_by_label
from unfreeze.metrics.resampling import LabelF1, ResampledMetric
from unfreeze.tasks.cross_entropy import at_least_fp32
from unfreeze.tasks.task import Comparable, Model, Prediction, required
from unfreeze.tasks.texts import TextTask, weights_of

if TYPE_CHECKING:
    from random import Random

    from torch import Tensor

THRESHOLD = 0.5  # a label is given from this probability on, as the stock pipelines' users do
NO_LABEL = "(no label)"


@dataclass(frozen=True)
class MultiLabel(TextTask):
    """All labels that hold for a text or pair of texts; each is a question of its own."""

    name: ClassVar[str] = "multi-label"
    takes: ClassVar[type[Any]] = MultiLabelExample
    has_labels: ClassVar[bool] = False  # not one a text
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {
        "micro_f1": LabelF1("micro", several=True),
        "macro_f1": LabelF1("macro", several=True),
        "weighted_f1": LabelF1("weighted", several=True),
        "subset_accuracy": SubsetAccuracy(),
    }

    @classmethod
    def for_config(cls, config: Any, labels: LabelSet) -> MultiLabel | None:
        return cls() if config.problem_type == "multi_label_classification" else None

    @property
    def selection_metric(self) -> str:
        return "micro_f1"

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        return LabelSet.from_labels(label for example in examples for label in example.labels)

    def config(self, labels: LabelSet) -> dict[str, Any]:
        return super().config(labels) | {"problem_type": "multi_label_classification"}

    def gold(self, example: Example) -> tuple[str, ...] | None:
        assert isinstance(example, MultiLabelExample)
        return example.names

    def targets(self, example: Example, labels: LabelSet) -> list[float]:
        # A label that training does not know cannot be given; the scores count it as missed.
        names = required(self.gold(example), example)
        return [float(name in names) for name in labels.names]

    def no_targets(self, labels: LabelSet) -> list[float]:
        return [float(IGNORE)] * len(labels)

    def random_labels(self, rng: Random, tokens: int, num_labels: int) -> list[float]:
        return [float(rng.randrange(2)) for _ in range(num_labels)]

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean binary cross-entropy over labels, as `BCEWithLogitsLoss`; a unit is a text with one label."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        logits = at_least_fp32(outputs.logits)
        targets = batch.labels.reshape(logits.shape).to(logits.dtype)  # one label alone is collated as (batch,)
        counted = (targets != IGNORE).to(logits.dtype)
        if (weights := weights_of(batch)) is not None:
            counted = counted * weights.to(logits.dtype).unsqueeze(-1)
        losses = binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none")
        return (losses * counted).sum(), counted.sum()

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        """Each label is a choice of its own between yes and no."""
        from torch.nn.functional import logsigmoid

        logits, theirs = (at_least_fp32(one.logits) / temperature for one in (outputs, taught))
        targets = batch.labels.reshape(logits.shape)
        counted = (targets != IGNORE).to(logits.dtype)
        if (weights := weights_of(batch)) is not None:
            counted = counted * weights.to(logits.dtype).unsqueeze(-1)
        yes, no = theirs.sigmoid(), (-theirs).sigmoid()
        apart = yes * (logsigmoid(theirs) - logsigmoid(logits)) + no * (logsigmoid(-theirs) - logsigmoid(-logits))
        return temperature**2 * (apart * counted).sum()

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        return list(outputs.logits.float().sigmoid().tolist())

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        predictions = []
        for i, probabilities in enumerate(self.by_example(features, reduced, len(examples))):
            given = tuple(name for name, one in zip(labels.names, probabilities, strict=True) if one >= THRESHOLD)
            predictions.append(Prediction(i, given, tuple(probabilities.tolist())))
        return predictions

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        return multi_label_scores(*self._pairs(examples, predictions))

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return multi_label_scores_by_label(*self._pairs(examples, predictions))

    def _pairs(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        gold = [required(self.gold(example), example) for example in examples]
        return gold, [one.predicted for one in predictions if isinstance(one.predicted, tuple)]

    @classmethod
    def comparable(cls, row: Mapping[str, Any]) -> Comparable | None:
        gold, said = (" + ".join(sorted(row[side])) or NO_LABEL for side in ("gold", "predicted"))
        # Of an answer about several labels one is as sure as of the least sure label.
        return Comparable(gold, said, [min((max(one, 1 - one) for one in row["scores"]), default=0.0)])

    def answers(
        self,
        inputs: Sequence[Any],
        model: Model,
        **options: Any,
    ) -> list[Any]:
        """For each text a list of `{"label", "score"}`, the likeliest first: the labels that hold for it."""
        found = self.predicted(inputs, model)
        return [self._ranked(one) for one in found]

    @staticmethod
    def _ranked(one: Prediction) -> list[dict[str, Any]]:
        assert isinstance(one.predicted, tuple)
        scored = zip(one.predicted, (score for score in one.scores if score >= THRESHOLD), strict=True)
        return [{"label": name, "score": score} for name, score in sorted(scored, key=lambda pair: -pair[1])]
