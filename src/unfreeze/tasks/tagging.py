"""Token tagging: one tag for each word, as in named-entity recognition and part-of-speech tagging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.batching.window_file import WindowFile
from unfreeze.batching.windows import Window, cut_windows
from unfreeze.data.examples import Example, TaggedExample
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.classification import classification_scores, scores_by_label
from unfreeze.metrics.entities import entity_scores, scores_by_entity_type
from unfreeze.metrics.resampling import Accuracy, EntityF1, LabelF1, ResampledMetric
from unfreeze.tasks.cross_entropy import summed_cross_entropy, summed_divergence
from unfreeze.tasks.entities import Aggregation, entity_groups, split_words
from unfreeze.tasks.inputs import read_each, text_or_words, texts_of
from unfreeze.tasks.pieces import blocks, chosen_overlap
from unfreeze.tasks.special_tokens import frame_of
from unfreeze.tasks.task import Model, Prediction, Task, required

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase


DOC_STRIDE = 32


@dataclass(frozen=True)
class Tagging(Task):
    """One tag for each original word, read from its first piece; long sentences are cut into overlapping windows."""

    name: ClassVar[str] = "tagging"
    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    peft_type: ClassVar[str] = "TOKEN_CLS"
    pipeline: ClassVar[str] = "token-classification"
    unit: ClassVar[str] = "word"
    what_is_cut: ClassVar[str] = "words that do not fit into {length} tokens"
    token_labels: ClassVar[bool] = True
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {
        "accuracy": Accuracy(),
        "entity_f1": EntityF1(),
        "macro_f1": LabelF1("macro"),
        "weighted_f1": LabelF1("weighted"),
    }

    scheme: Annotated[Literal["iob2", "plain"], "entities in IOB2, or one independent tag a word"] = "iob2"
    label_alignment: Annotated[
        Literal["first", "all"], "which pieces of a word carry its label; `all` turns B- into I- on later pieces"
    ] = "first"
    doc_stride: Annotated[int | None, "pieces that neighbouring windows of a long sentence share"] = None

    @classmethod
    def for_config(cls, config: Any, labels: LabelSet) -> Tagging:
        entities = "O" in labels and all(name == "O" or name[:2] in ("B-", "I-") for name in labels.names)
        return cls(scheme="iob2" if entities else "plain")

    @property
    def selection_metric(self) -> str:
        return "entity_f1" if self.scheme == "iob2" else "accuracy"

    @property
    def reads_windows(self) -> bool:
        return True

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        tags = {tag for example in examples for tag in self.gold(example) or ()}
        if self.scheme == "iob2":
            # Every type needs its I- tag, also where training has only one-word entities of it.
            types = {tag[2:] for tag in tags if tag != "O"}
            ordered = ["O", *(f"{prefix}-{name}" for name in sorted(types) for prefix in "BI")]
            return LabelSet(tuple(ordered))
        return LabelSet.from_labels(tags)

    def gold(self, example: Example) -> tuple[str, ...] | None:
        assert isinstance(example, TaggedExample)
        return example.tags

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        frame = frame_of(tokenizer)
        capacity = frame.room(max_length)
        overlap = chosen_overlap(self.doc_stride, DOC_STRIDE, capacity)
        features = WindowFile()
        unknown = cut = cut_examples = 0
        for i, (example, pieces) in enumerate(zip(examples, _pieces(examples, tokenizer), strict=True)):
            unknown += sum(not ids for ids in pieces)
            over = sum(max(len(ids) - capacity, 0) for ids in pieces)
            cut += over
            cut_examples += over > 0
            # A word that yields no piece (a zero-width space) reads as unknown, so that it gets a prediction too.
            pieces = [list(ids[:capacity]) or [int(tokenizer.unk_token_id)] for ids in pieces]
            word_labels = self._label_ids(example, labels) if labelled else [IGNORE] * len(pieces)
            for window in cut_windows([len(ids) for ids in pieces], capacity, overlap):
                token_ids, token_labels, words = self._window(window, pieces, word_labels, labels)
                features.append(
                    Features(
                        i,
                        [*frame.before, *token_ids, *frame.after],
                        [*[IGNORE] * len(frame.before), *token_labels, *[IGNORE] * len(frame.after)],
                        [*[-1] * len(frame.before), *words, *[-1] * len(frame.after)],
                    )
                )
        windows = Counter(one.example for one in features)
        long = sum(number > 1 for number in windows.values())
        are = "1 long sentence is" if long == 1 else f"{long:,} long sentences are"
        notes = [f"{are} read in several windows; each word is answered for once"] if long else []
        answered = sum(word >= 0 for one in features for word in one.words)
        lost = sum(len(example.parts) for example in examples) - answered
        return Encoded(
            features,
            len(examples),
            cut_examples,
            cut,
            lost_words=lost,
            unknown_words=unknown,
            notes=tuple(notes),
        )

    def _label_ids(self, example: Example, labels: LabelSet) -> list[int]:
        ids_of = labels.id_by_name
        # A tag that training does not know has no loss; the scores count it as an error.
        return [ids_of.get(tag, IGNORE) for tag in required(self.gold(example), example)]

    def _window(
        self, window: Window, pieces: list[list[int]], word_labels: list[int], labels: LabelSet
    ) -> tuple[list[int], list[int], list[int]]:
        token_ids: list[int] = []
        token_labels: list[int] = []
        words: list[int] = []
        for word in range(window.start, window.stop):
            # Only the window that answers for a word carries its label: each word counts once in the loss.
            owned = window.owned_from <= word < window.owned_to
            label = word_labels[word] if owned else IGNORE
            later = self._later_label(label, labels) if owned and self.label_alignment == "all" else IGNORE
            token_ids += pieces[word]
            token_labels += [label, *[later] * (len(pieces[word]) - 1)]
            words += [word if owned else -1, *[-1] * (len(pieces[word]) - 1)]
        return token_ids, token_labels, words

    def _later_label(self, label: int, labels: LabelSet) -> int:
        if label == IGNORE or self.scheme == "plain" or not labels.names[label].startswith("B-"):
            return label
        return labels.id("I-" + labels.names[label][2:])

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        # (batch, tokens, labels) and (batch, tokens)
        return summed_cross_entropy(outputs.logits.flatten(0, 1), batch.labels.flatten(), label_weights)

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        own, theirs = outputs.logits.flatten(0, 1), taught.logits.flatten(0, 1)
        return summed_divergence(own, theirs, batch.labels.flatten(), temperature, label_weights)

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        scores, best = outputs.logits.float().softmax(-1).max(-1)  # both (batch, tokens)
        rows = zip(batch.features, best.tolist(), scores.tolist(), strict=True)
        return [
            [(word, ids[t], probabilities[t]) for t, word in enumerate(window.words) if word >= 0]
            for window, ids, probabilities in rows
        ]

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        answers: list[dict[int, tuple[int, float]]] = [{} for _ in examples]
        for window, words in zip(features, reduced, strict=True):
            for word, best, score in words:
                answers[window.example][word] = (best, score)
        predictions = []
        for example, words in enumerate(answers):
            ordered = [words[word] for word in range(len(words))]
            tags = tuple(labels.names[best] for best, _ in ordered)
            predictions.append(Prediction(example, tags, tuple(score for _, score in ordered)))
        return predictions

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        gold, predicted = self._sequences(examples, predictions)
        by_word = classification_scores(*_flat(gold, predicted))
        if self.scheme == "plain":
            return by_word
        return {**entity_scores(gold, predicted), "accuracy": by_word["accuracy"]}

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        gold, predicted = self._sequences(examples, predictions)
        if self.scheme == "plain":
            return scores_by_label(*_flat(gold, predicted))
        return scores_by_entity_type(gold, predicted)

    def _sequences(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        gold = [required(self.gold(example), example) for example in examples]
        return gold, [prediction.predicted for prediction in predictions if isinstance(prediction.predicted, tuple)]

    def explained(self, outputs: Any, batch: Batch, labels: LabelSet) -> list[list[dict[str, float]]]:
        """The three likeliest tags of each token; a word is answered by its first one."""
        scores, best = outputs.logits.float().softmax(-1).topk(min(3, len(labels)), dim=-1)  # (batch, tokens, 3)
        return [
            [
                {labels.names[label]: score for label, score in zip(*token, strict=True)}
                for token in zip(ids[: len(window)], values[: len(window)], strict=True)
            ]
            for window, ids, values in zip(batch.features, best.tolist(), scores.tolist(), strict=True)
        ]

    def answers(
        self,
        inputs: Sequence[Any],
        model: Model,
        *,
        aggregation_strategy: Aggregation = "simple",
        **options: Any,
    ) -> list[Any]:
        """For each text a list of `{"entity_group", "score", "word", "start", "end"}`.

        With `aggregation_strategy="none"` it is one `{"entity", "score", "word", "index", "start", "end"}` for each
        word that is not `O`. Offsets count characters of the text; words given as a list are joined with single blanks.
        """
        given = read_each(
            inputs, lambda one: text_or_words(texts_of(one, "text")[0] if isinstance(one, Mapping) else one)
        )
        texts = [item if isinstance(item, str) else " ".join(item) for item in given]
        words = [split_words(item) for item in given]
        predictions = model.predict_examples(
            [TaggedExample(tuple(word.text for word in sentence)) for sentence in words]
        )
        return [
            entity_groups(text, sentence, _tags(one), one.scores, aggregation_strategy)
            for text, sentence, one in zip(texts, words, predictions, strict=True)
        ]


def _tags(one: Prediction) -> tuple[str, ...]:
    assert isinstance(one.predicted, tuple)
    return one.predicted


def _flat(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    return [tag for tags in gold for tag in tags], [tag for tags in predicted for tag in tags]


def _pieces(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase) -> Iterator[list[list[int]]]:
    """The word-piece ids of each word of each example."""
    sentences = [list(example.words) for example in examples if isinstance(example, TaggedExample)]
    if not tokenizer.is_fast:
        # Tokenizers without word_ids (PhoBERT, FlauBERT): word by word gives the same grouping.
        for words in sentences:
            yield [list(tokenizer(word, add_special_tokens=False)["input_ids"]) for word in words]
        return
    for block in blocks(sentences):
        encoding = tokenizer(block, is_split_into_words=True, add_special_tokens=False, verbose=False)
        for i, (words, ids) in enumerate(zip(block, encoding["input_ids"], strict=True)):
            pieces: list[list[int]] = [[] for _ in words]
            for token_id, word in zip(ids, encoding.word_ids(i), strict=True):
                if word is not None:
                    pieces[word].append(token_id)
            yield pieces
