"""Masked language modelling: hidden tokens are found from what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, log
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.batching.masking import Masking, MaskUnit
from unfreeze.batching.window_file import WindowFile
from unfreeze.batching.windows import token_windows
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.resampling import Accuracy, ResampledMetric
from unfreeze.tasks.cross_entropy import summed_cross_entropy, summed_divergence
from unfreeze.tasks.inputs import read_each, refuse_longer, text_of
from unfreeze.tasks.pieces import pieces_of_words
from unfreeze.tasks.pretraining import Objective
from unfreeze.tasks.special_tokens import Frame, PairFrame, frame_of, pair_frame_of
from unfreeze.tasks.task import Model, Prediction, TaskError
from unfreeze.tasks.texts import longest_first

if TYPE_CHECKING:
    from random import Random

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

Pieces = tuple[list[int], list[int]]  # ids, and the word of each
LEAST_PROBABILITY = 1e-12  # a probability of 0 has no logarithm


@dataclass(frozen=True)
class MaskedLM(Objective):
    """Hidden tokens of plain text (Devlin et al. 2019, section 3.1); long passages are cut into windows."""

    name: ClassVar[str] = "masked-lm"
    auto_class: ClassVar[str] = "AutoModelForMaskedLM"
    pipeline: ClassVar[str] = "fill-mask"
    unit: ClassVar[str] = "hidden token"
    token_labels: ClassVar[bool] = True
    static_inputs: ClassVar[bool] = False
    scores_vocabulary: ClassVar[bool] = True
    errors: ClassVar[tuple[str, ...]] = ("perplexity",)
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {"accuracy": Accuracy()}

    mlm_probability: Annotated[float, "share of the tokens that are hidden"] = 0.15
    masking: Annotated[Literal["dynamic", "static"], "hide other tokens in every epoch, or always the same"] = "dynamic"
    mask_unit: Annotated[MaskUnit, "what is hidden: single tokens, whole words, or spans of words"] = "token"

    @property
    def selection_metric(self) -> str:
        return "accuracy"

    def label_names(self) -> tuple[str, ...]:
        return ()

    @property
    def reads_windows(self) -> bool:
        return True  # single texts; a text is cut together with its pair

    def config(self, labels: LabelSet) -> dict[str, Any]:
        return {}

    def corruption(self, tokenizer: PreTrainedTokenizerBase) -> Callable[[Features, Random | None], Features]:
        if tokenizer.mask_token_id is None:
            raise TaskError(f"{type(tokenizer).__name__} has no mask token; choose a model that was trained with one.")
        special = frozenset(map(int, tokenizer.all_special_ids))
        ordinary = [i for i in range(len(tokenizer)) if i not in special]
        static = self.masking == "static"
        return Masking(
            int(tokenizer.mask_token_id),
            ordinary,
            self.mlm_probability,
            self.mask_unit,
            static=static,
            special_ids=special,
        )

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        self.check(examples)
        frame = frame_of(tokenizer)
        first = pieces_of_words([example.parts[0] for example in examples], tokenizer)
        second = pieces_of_words([e.parts[1] for e in examples if len(e.parts) > 1], tokenizer)
        pair_frame = pair_frame_of(tokenizer) if any(len(example.parts) > 1 for example in examples) else None
        features = WindowFile()
        cut: list[int] = []
        for i, (example, pieces) in enumerate(zip(examples, first, strict=True)):
            if pair_frame is not None and len(example.parts) > 1:
                window, lost = _pair(i, pieces, next(second), pair_frame, max_length)
                features.append(window)
                cut += [lost] if lost else []
            else:
                features.extend(_windows(i, pieces, frame, max_length))
        special = set(tokenizer.all_special_ids)
        if examples and all(special.issuperset(window.input_ids) for window in features):
            raise TaskError(f"{self.name}: the texts hold nothing but special tokens, so there is nothing to hide.")
        return Encoded(features, len(examples), len(cut), sum(cut))

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse texts that the objective cannot be learnt from, with a TaskError."""

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hidden = batch.labels != IGNORE  # (batch, tokens)
        return summed_cross_entropy(outputs.logits[:, : hidden.shape[1]][hidden], batch.labels[hidden], None)

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        hidden = batch.labels != IGNORE
        own, theirs = (one.logits[:, : hidden.shape[1]][hidden] for one in (outputs, taught))
        return summed_divergence(own, theirs, batch.labels[hidden], temperature)

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        """Of each window the ids hidden, those said, and the probability of those hidden."""
        hidden = batch.labels != IGNORE
        probabilities = outputs.logits[:, : hidden.shape[1]][hidden].float().softmax(-1)  # (hidden tokens, vocabulary)
        gold = batch.labels[hidden]
        right = probabilities.gather(1, gold.unsqueeze(1)).squeeze(1)
        items = iter(zip(gold.tolist(), probabilities.argmax(-1).tolist(), right.tolist(), strict=True))
        return [
            [(str(one), str(said), score) for one, said, score in (next(items) for _ in range(count))]
            for count in hidden.sum(1).tolist()
        ]

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Of the hidden tokens: the share found, and the perplexity, e to the power of their mean loss."""
        gold, said = self.pairs_of(predictions)
        losses = [-log(max(score, LEAST_PROBABILITY)) for one in predictions for score in one.scores]
        return {
            "accuracy": sum(g == s for g, s in zip(gold, said, strict=True)) / max(1, len(gold)),
            "perplexity": exp(sum(losses) / max(1, len(losses))),
        }

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return {}

    def answers(self, inputs: Sequence[Any], model: Model, *, top_k: int = 5, **options: Any) -> list[Any]:
        """What the fill-mask pipeline gives: for each text with a mask token the `top_k` likeliest in its place."""
        from transformers import pipeline

        texts = read_each(inputs, partial(_with_mask, model=model))
        fill = pipeline("fill-mask", model=model.network, tokenizer=model.tokenizer)
        found: list[Any] = fill(texts, top_k=min(top_k, int(model.network.config.vocab_size)))
        return [found] if len(texts) == 1 else found


@dataclass(frozen=True)
class TranslationLM(MaskedLM):
    """Hidden tokens of a sentence and its translation, read together (Conneau and Lample 2019, section 3.3)."""

    name: ClassVar[str] = "translation-lm"

    @property
    def reads_windows(self) -> bool:
        return False

    def check(self, examples: Sequence[Example]) -> None:
        alone = [example for example in examples if len(example.parts) < 2]
        if alone:
            raise TaskError(
                f"{self.name}: {len(alone):,} of {len(examples):,} sentences have no translation (first: "
                f"{alone[0].origin or alone[0]}). Give two columns with a tab between them, or a table with "
                "--text-column and --text-pair-column."
            )


def _with_mask(given: Any, model: Model) -> str:
    """A text to fill, as the network reads it."""
    text, mask = text_of(given), str(model.tokenizer.mask_token)
    if mask not in text:
        raise TaskError(f"{text!r}: there is no {mask} in it. Write {mask} where a word is to be found.")
    text = model.as_read(text)
    refuse_longer(text, len(model.tokenizer(text, verbose=False)["input_ids"]), model)
    return text


def _windows(example: int, pieces: Pieces, frame: Frame, max_length: int) -> Iterator[Features]:
    ids, words = pieces
    before, after = [-1] * len(frame.before), [-1] * len(frame.after)
    for start, stop in token_windows(len(ids), frame.room(max_length), 0):
        yield Features(
            example,
            [*frame.before, *ids[start:stop], *frame.after],
            [IGNORE] * (stop - start + len(frame)),
            [*before, *words[start:stop], *after],
        )


def _pair(example: int, first: Pieces, second: Pieces, frame: PairFrame, max_length: int) -> tuple[Features, int]:
    (ids, words), (other_ids, other_words) = first, second
    one, other = longest_first(len(ids), len(other_ids), frame.room(max_length))
    behind = max(words, default=-1) + 1
    frame_words = [[-1] * len(part) for part in (frame.before, frame.between, frame.after)]
    own = [*frame_words[0], *words[:one], *frame_words[1], *(behind + w for w in other_words[:other]), *frame_words[2]]
    window = Features(
        example,
        frame.ids(ids[:one], other_ids[:other]),
        [IGNORE] * len(own),
        own,
        segments=frame.segments_of(one, other),
    )
    return window, len(ids) + len(other_ids) - one - other
