"""Text classification: one label for each text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unfreeze.batching.features import IGNORE, Batch, Features
from unfreeze.data.examples import Example, TextExample
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.classification import classification_scores, scores_by_label
from unfreeze.metrics.resampling import Accuracy, LabelF1, ResampledMetric
from unfreeze.tasks.cross_entropy import summed_cross_entropy, summed_divergence
from unfreeze.tasks.task import Model, Prediction, required
from unfreeze.tasks.texts import TextTask, weights_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Classification(TextTask):
    """One label for each text or pair of texts."""

    name: ClassVar[str] = "classification"
    takes: ClassVar[type[Any]] = TextExample
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {
        "accuracy": Accuracy(),
        "macro_f1": LabelF1("macro"),
        "weighted_f1": LabelF1("weighted"),
    }

    @classmethod
    def for_config(cls, config: Any, labels: LabelSet) -> Classification | None:
        return cls() if len(labels) > 1 and config.problem_type in (None, "single_label_classification") else None

    @property
    def selection_metric(self) -> str:
        return "macro_f1"

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        return LabelSet.from_labels(label for label in map(self.gold, examples) if label is not None)

    def gold(self, example: Example) -> str | None:
        assert isinstance(example, TextExample)
        return example.label

    def targets(self, example: Example, labels: LabelSet) -> list[int]:
        # A label that training does not know has no loss; the scores count it as an error.
        return [labels.id_by_name.get(required(self.gold(example), example), IGNORE)]

    def no_targets(self, labels: LabelSet) -> list[int]:
        return [IGNORE]

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return summed_cross_entropy(outputs.logits, batch.labels, label_weights, weights_of(batch))

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        return summed_divergence(
            outputs.logits, taught.logits, batch.labels, temperature, label_weights, weights_of(batch)
        )

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        return list(outputs.logits.float().softmax(-1).tolist())

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        predictions = []
        for i, probabilities in enumerate(self.by_example(features, reduced, len(examples))):
            if self.long_text == "window_max":  # the most of each label need not sum to 1
                probabilities = probabilities / probabilities.sum()
            shares = probabilities.tolist()
            best = max(range(len(labels)), key=shares.__getitem__)
            predictions.append(Prediction(i, labels.names[best], tuple(shares)))
        return predictions

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        return classification_scores(*self._pairs(examples, predictions))

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return scores_by_label(*self._pairs(examples, predictions))

    def _pairs(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> tuple[list[str], list[str]]:
        gold = [required(self.gold(example), example) for example in examples]
        return gold, [str(prediction.predicted) for prediction in predictions]

    def answers(self, inputs: Sequence[Any], model: Model, *, top_k: int | None = 1, **options: Any) -> list[Any]:
        """One `{"label", "score"}` for each text, or pair as `{"text", "text_pair"}`; else a list of the `top_k` best.

        A list of words is taken as a text with blanks between them. `top_k=None` lists all labels.
        """
        names = LabelSet.from_mapping(model.network.config.id2label).names
        found = []
        for one in self.predicted(inputs, model):
            ranked = sorted(zip(names, one.scores, strict=True), key=lambda pair: -pair[1])[:top_k]
            shown = [{"label": label, "score": score} for label, score in ranked]
            found.append(shown[0] if top_k == 1 else shown)
        return found
