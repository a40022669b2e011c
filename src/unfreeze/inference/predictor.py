"""A saved model that predicts: texts or words in, labels or tags out, in the pipelines' format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unfreeze.acceleration.precision import PLAIN, Precision
from unfreeze.batching.collate import Collator
from unfreeze.data.examples import Example, TaggedExample, TextExample
from unfreeze.data.labels import LabelSet
from unfreeze.evaluation.evaluate import Evaluation, Evaluator, Split
from unfreeze.inference.entities import Aggregation, entity_groups, split_words
from unfreeze.models.load import ModelError, load_config, load_network, load_tokenizer
from unfreeze.models.save import ADAPTER_FILE, load_adapted
from unfreeze.storage.folders import BEST_FILE, best_run
from unfreeze.tasks import Classification, Prediction, Tagging, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Predictor:
    """A network with its tokenizer and labels, ready to predict."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    task: Task
    labels: LabelSet
    max_length: int
    precision: Precision = PLAIN

    @property
    def evaluator(self) -> Evaluator:
        collator = Collator(int(self.tokenizer.pad_token_id or 0), str(self.network.device))
        return Evaluator(self.task, self.labels, collator, self.precision)

    def predict_examples(self, examples: Sequence[Example]) -> list[Prediction]:
        """One prediction for each example; their labels, if any, are not looked at."""
        encoded = self.task.encode(examples, self.tokenizer, self.labels, self.max_length, labelled=False)
        return self.evaluator.predict(self.network, encoded)

    def evaluate(self, examples: Sequence[Example]) -> Evaluation:
        """Scores on labelled examples."""
        encoded = self.task.encode(examples, self.tokenizer, self.labels, self.max_length)
        return self.evaluator.evaluate(self.network, Split(examples, encoded))

    def predict(
        self, inputs: str | Sequence[str] | Sequence[Sequence[str]], *, aggregation_strategy: Aggregation = "simple"
    ) -> list[Any]:
        """Predict texts, or sentences given as lists of words.

        Returns one entry for each input: for classification `{"label", "score"}`; for tagging a list of
        `{"entity_group", "score", "word", "start", "end"}`, or with `aggregation_strategy="none"` one
        `{"entity", "score", "word", "index", "start", "end"}` for each word. Offsets count characters of the text;
        words given as a list are joined with single blanks.
        """
        items = [inputs] if isinstance(inputs, str) else list(inputs)
        if not isinstance(self.task, Tagging):
            texts = [item if isinstance(item, str) else " ".join(item) for item in items]
            predictions = self.predict_examples([TextExample(text) for text in texts])
            return [{"label": p.predicted, "score": max(p.scores)} for p in predictions]
        texts = [item if isinstance(item, str) else " ".join(item) for item in items]
        words = [split_words(item) for item in items]
        examples = [TaggedExample(tuple(word.text for word in sentence)) for sentence in words]
        predictions = self.predict_examples(examples)
        return [
            entity_groups(text, sentence, prediction.predicted, prediction.scores, aggregation_strategy)
            for text, sentence, prediction in zip(texts, words, predictions, strict=True)
        ]


def load_predictor(path: str | Path, *, max_length: int | None = None) -> Predictor:
    """Load a saved model: a comparison folder (its best run), a run folder, or a model folder.

    Raises:
        ModelError: the folder holds no model with labels for classification or tagging.
    """
    folder = _model_folder(Path(path))
    config = load_config(str(folder))
    task = _task_of(folder, config)
    if (folder / ADAPTER_FILE).is_file():
        network = load_adapted(folder, task.auto_class, config)
    else:
        network = load_network(str(folder), task.auto_class, 0).network
    tokenizer = load_tokenizer(str(folder))
    longest = min(int(getattr(config, "max_position_embeddings", 512)), int(tokenizer.model_max_length))
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        longest = min(longest, int(config.max_position_embeddings) - int(config.pad_token_id) - 1)
    labels = LabelSet.from_mapping(config.id2label)
    return Predictor(network, tokenizer, task, labels, min(max_length or _trained_length(config) or 512, longest))


def _trained_length(config: Any) -> int | None:
    return getattr(config, "unfreeze_max_length", None)


def _model_folder(path: Path) -> Path:
    if (path / BEST_FILE).is_file():
        path = best_run(path)
    if (path / "model" / "config.json").is_file():
        return path / "model"
    if (path / "config.json").is_file():
        return path
    raise ModelError(
        f"{path}: no model found. Give the folder of a comparison (--output), of one of its runs, or a folder with a "
        "config.json that `save_pretrained` wrote."
    )


def _task_of(folder: Path, config: Any) -> Task:
    architecture = " ".join(config.architectures or [])
    kind: Literal["classification", "tagging"] | None = None
    if "ForSequenceClassification" in architecture:
        kind = "classification"
    elif "ForTokenClassification" in architecture:
        kind = "tagging"
    elif (folder / ADAPTER_FILE).is_file():
        adapter = json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))
        kind = {"SEQ_CLS": "classification", "TOKEN_CLS": "tagging"}.get(adapter.get("task_type"))  # type: ignore[assignment]
    if kind is None:
        raise ModelError(f"{folder}: {architecture or 'the model'} has no head for classification or tagging.")
    if kind == "classification":
        return Classification()
    names = list(config.id2label.values())
    entities = "O" in names and all(name == "O" or name[:2] in ("B-", "I-") for name in names)
    doc_stride = getattr(config, "unfreeze_doc_stride", Tagging.doc_stride)
    return Tagging(scheme="iob2" if entities else "plain", doc_stride=doc_stride)
