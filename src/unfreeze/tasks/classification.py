"""Text classification: one label for each text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.data.examples import Example, TextExample
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.classification import classification_scores, scores_by_label
from unfreeze.metrics.resampling import Accuracy, LabelF1, ResampledMetric
from unfreeze.tasks.cross_entropy import summed_cross_entropy
from unfreeze.tasks.special_tokens import frame_of
from unfreeze.tasks.task import Prediction, Task, required

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Classification(Task):
    """One label for each text; what exceeds `max_length` tokens is cut off and counted."""

    name: ClassVar[str] = "classification"
    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    peft_type: ClassVar[str] = "SEQ_CLS"
    pipeline: ClassVar[str] = "text-classification"
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {
        "accuracy": Accuracy(),
        "macro_f1": LabelF1("macro"),
        "weighted_f1": LabelF1("weighted"),
    }

    @property
    def selection_metric(self) -> str:
        return "macro_f1"

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        return LabelSet.from_labels(label for label in map(self.gold, examples) if label is not None)

    def gold(self, example: Example) -> str | None:
        assert isinstance(example, TextExample)
        return example.label

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        texts = [example.text for example in examples if isinstance(example, TextExample)]
        frame = frame_of(tokenizer)
        room = frame.room(max_length)
        # verbose=False: the tokenizer would warn of texts over its limit, which are cut right below, and counted.
        encoded = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
        ids_of = labels.id_by_name
        features = []
        for i, (example, ids) in enumerate(zip(examples, encoded, strict=True)):
            # A label that training does not know has no loss; the scores count it as an error.
            label = ids_of.get(required(self.gold(example), example), IGNORE) if labelled else IGNORE
            features.append(Features(i, [*frame.before, *ids[:room], *frame.after], [label]))
        cut = [len(ids) - room for ids in encoded if len(ids) > room]
        return Encoded(tuple(features), len(examples), len(cut), sum(cut))

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return summed_cross_entropy(outputs.logits, batch.labels, label_weights)

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        return list(outputs.logits.float().softmax(-1).tolist())

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        predictions = {}
        for window, probabilities in zip(features, reduced, strict=True):
            best = max(range(len(labels)), key=probabilities.__getitem__)
            predictions[window.example] = Prediction(window.example, labels.names[best], tuple(probabilities))
        return [predictions[i] for i in range(len(examples))]

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        return classification_scores(*self._pairs(examples, predictions))

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return scores_by_label(*self._pairs(examples, predictions))

    def _pairs(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> tuple[list[str], list[str]]:
        gold = [required(self.gold(example), example) for example in examples]
        return gold, [str(prediction.predicted) for prediction in predictions]

    def answers(
        self, inputs: Sequence[Any], predict: Callable[[Sequence[Example]], list[Prediction]], **options: Any
    ) -> list[Any]:
        """One `{"label", "score"}` for each text; a list of words is taken as a text with blanks between them."""
        texts = [item if isinstance(item, str) else " ".join(item) for item in inputs]
        predictions = predict([TextExample(text) for text in texts])
        return [{"label": one.predicted, "score": max(one.scores)} for one in predictions]
