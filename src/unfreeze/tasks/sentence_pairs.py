"""Objectives on pairs of sentences: does one follow the other, and are two in their order?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from unfreeze.batching.features import Batch, Encoded, Features
from unfreeze.batching.order import stable_seed
from unfreeze.batching.window_file import WindowFile
from unfreeze.data.examples import Example, PassageExample
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.classification import classification_scores, scores_by_label
from unfreeze.metrics.resampling import Accuracy, LabelF1, ResampledMetric
from unfreeze.tasks.cross_entropy import summed_cross_entropy, summed_divergence
from unfreeze.tasks.inputs import read_each, texts_of
from unfreeze.tasks.pieces import token_ids
from unfreeze.tasks.pretraining import Objective
from unfreeze.tasks.special_tokens import pair_frame_of
from unfreeze.tasks.task import Model, Prediction, TaskError
from unfreeze.tasks.texts import longest_first

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

TRIES = 100  # at another passage with sentences; there may be none
Pair = tuple[str, str | None, int]  # two sentences, None where there is no second one, and the id of their label


@dataclass(frozen=True)
class SentencePairs(Objective):
    """A label for every two neighbouring sentences of a passage. The head is that of text classification: every family
    has it, and for BERT it is the one of next sentence prediction (pooler and a linear layer)."""

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    peft_type: ClassVar[str | None] = "SEQ_CLS"
    pipeline: ClassVar[str] = "text-classification"
    unit: ClassVar[str] = "pair"
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {"accuracy": Accuracy(), "macro_f1": LabelF1("macro")}

    @property
    def selection_metric(self) -> str:
        return "accuracy"

    @abstractmethod
    def made(self, sentences: Sequence[Sequence[str]], passage: int, rng: Random) -> Iterator[Pair]:
        """The pairs of one passage; `sentences` are those of all passages of the split."""

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        frame = pair_frame_of(tokenizer)
        passages = [example for example in examples if isinstance(example, PassageExample)]
        sentences = [one.sentences for one in passages]
        if examples and sum(len(own) > 1 for own in sentences) == 0:
            raise TaskError(
                f"{self.name}: no passage has two sentences ({passages[0].origin or 'the data'}). Put one sentence a "
                "line, or whole paragraphs, and a blank line between documents."
            )
        # Always the same pairs for the same text: a comparison on validation compares the same.
        drawn = [
            (i, *pair)
            for i in range(len(passages))
            for pair in self.made(sentences, i, Random(stable_seed(self.name, i, sentences[i])))
        ]
        pairs = [(i, one, other, label) for i, one, other, label in drawn if other is not None]
        if len(pairs) < len(drawn) and not any(label for *_, label in pairs):
            raise TaskError(
                f"{self.name}: the {len(passages)} passages of {passages[0].origin or 'the data'} hold no sentence "
                "that could stand for a random one. Give more passages, or longer ones."
            )
        texts = list(dict.fromkeys(text for _, one, other, _ in pairs for text in (one, other)))
        ids = dict(zip(texts, token_ids(texts, tokenizer), strict=True))
        features = WindowFile()
        cut = []
        for i, one, other, label in pairs:
            first, second = longest_first(len(ids[one]), len(ids[other]), frame.room(max_length))
            window = frame.ids(ids[one][:first], ids[other][:second])
            features.append(Features(i, window, [label], segments=frame.segments_of(first, second)))
            cut.append(len(ids[one]) + len(ids[other]) - first - second)
        lost = [tokens for tokens in cut if tokens]
        notes = (f"{len(features):,} pairs of sentences made out of {len(examples):,} passages",)
        return Encoded(features, len(examples), len(lost), sum(lost), notes=notes)

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return summed_cross_entropy(outputs.logits, batch.labels, None)

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        return summed_divergence(outputs.logits, taught.logits, batch.labels, temperature)

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        names = self.label_names()
        scores, said = outputs.logits.float().softmax(-1).max(-1)
        rows = zip(batch.labels.tolist(), said.tolist(), scores.tolist(), strict=True)
        return [[(names[gold], names[one], score)] for gold, one, score in rows]

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        scores = classification_scores(*self.pairs_of(predictions))
        return {name: scores[name] for name in ("accuracy", "macro_f1", "mcc")}

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return scores_by_label(*self.pairs_of(predictions))

    def answers(self, inputs: Sequence[Any], model: Model, **options: Any) -> list[Any]:
        """`{"label", "score"}` for each `{"text", "text_pair"}`."""
        import torch

        tokenizer, found = model.tokenizer, []
        for pair in read_each(inputs, lambda one: texts_of(one, "text", "text_pair")):
            # Too long pairs are cut as in training.
            encoded = tokenizer(
                *map(model.as_read, pair), truncation=True, max_length=model.max_length, return_tensors="pt"
            )
            with torch.inference_mode():
                logits = model.network(**encoded.to(model.network.device)).logits[0]
            score, said = logits.float().softmax(-1).max(-1)
            found.append({"label": self.label_names()[int(said)], "score": float(score)})
        return found


@dataclass(frozen=True)
class NextSentence(SentencePairs):
    """Does the second sentence follow the first, or is it a random one of another passage? (Devlin et al. 2019, 3.1)"""

    name: ClassVar[str] = "next-sentence"
    hub_classes: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("bert", "ernie", "fnet", "megatron-bert", "mobilebert"), "AutoModelForNextSentencePrediction"
    )

    def label_names(self) -> tuple[str, ...]:
        return ("next", "random")

    def made(self, sentences: Sequence[Sequence[str]], passage: int, rng: Random) -> Iterator[Pair]:
        own = sentences[passage]
        for position in range(len(own) - 1):
            first = own[position]
            if rng.random() < 0.5:
                yield first, own[position + 1], 0
            else:
                yield first, _random_sentence(sentences, passage, position, rng), 1


@dataclass(frozen=True)
class SentenceOrder(SentencePairs):
    """Are two neighbouring sentences in their order, or swapped? (Lan et al. 2020, section 3.1)"""

    name: ClassVar[str] = "sentence-order"

    def label_names(self) -> tuple[str, ...]:
        return ("in order", "swapped")

    def made(self, sentences: Sequence[Sequence[str]], passage: int, rng: Random) -> Iterator[Pair]:
        own = sentences[passage]
        for first, second in pairwise(own):
            if first == second:
                continue  # they have no order
            yield (first, second, 0) if rng.random() < 0.5 else (second, first, 1)


def _random_sentence(sentences: Sequence[Sequence[str]], passage: int, position: int, rng: Random) -> str | None:
    """A sentence of another passage; of the same one, but not next to `position`, where there is no other.

    Never the words that do follow: many passages may go on in the same way.
    """
    following = sentences[passage][position + 1]
    for _ in range(TRIES):
        drawn = rng.randrange(len(sentences))
        if drawn != passage and sentences[drawn] and (found := rng.choice(sentences[drawn])) != following:
            return found
    far = [one for i, one in enumerate(sentences[passage]) if abs(i - position) > 1 and one != following]
    return rng.choice(far) if far else None
