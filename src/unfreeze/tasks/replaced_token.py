"""Replaced-token detection: which tokens did a small masked language model put in place of the right ones?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.batching.masking import Masking
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.classification import classification_scores, counts_by_label, scores_by_label
from unfreeze.metrics.resampling import Accuracy, LabelF1, ResampledMetric
from unfreeze.tasks.cross_entropy import summed_cross_entropy
from unfreeze.tasks.generator import GENERATOR, Outputs, attach_generator
from unfreeze.tasks.inputs import read_each, refuse_longer, text_of
from unfreeze.tasks.masked_lm import MaskedLM
from unfreeze.tasks.pretraining import Objective
from unfreeze.tasks.task import Model, Prediction, TaskError
from unfreeze.tasks.tokenisation import TokenRow, tokenised

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

# Clark et al. 2020 (section 3.1): the loss of the discriminator weighs 50 times that of the generator.
DISCRIMINATOR_WEIGHT = 50.0
NAMES = ("original", "replaced")
LOOKS_REPLACED = 0.5  # from this probability on


@dataclass(frozen=True)
class ReplacedToken(Objective):
    """A generator fills hidden tokens, and the network says of each token whether it was replaced (Clark et al. 2020).

    Both are trained together and share the embeddings; the generator is left out of what is saved. The head is that of
    token tagging, which every family has.
    """

    name: ClassVar[str] = "replaced-token"
    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    peft_type: ClassVar[str | None] = "TOKEN_CLS"
    pipeline: ClassVar[str] = "token-classification"
    hub_classes: ClassVar[Mapping[str, str]] = {"electra": "ElectraForPreTraining"}
    unit: ClassVar[str] = "token"
    token_labels: ClassVar[bool] = True
    static_inputs: ClassVar[bool] = False
    attaches: ClassVar[bool] = True
    draws_answers: ClassVar[bool] = True  # the generator of a run replaces tokens
    scores_vocabulary: ClassVar[bool] = True  # the generator does
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {"accuracy": Accuracy(), "macro_f1": LabelF1("macro")}

    mlm_probability: Annotated[float, "share of the tokens that the generator fills"] = 0.15

    @property
    def selection_metric(self) -> str:
        return "balanced_accuracy"

    def label_names(self) -> tuple[str, ...]:
        return NAMES

    def corruption(self, tokenizer: PreTrainedTokenizerBase) -> Callable[[Features, Random | None], Features]:
        hiding = MaskedLM(mlm_probability=self.mlm_probability).corruption(tokenizer)
        assert isinstance(hiding, Masking)
        # What is hidden is always masked: the generator decides what stands there.
        return Masking(
            hiding.mask_token_id,
            hiding.ordinary_ids,
            self.mlm_probability,
            masked=1.0,
            random=0.0,
            special_ids=hiding.special_ids,
        )

    @property
    def reads_windows(self) -> bool:
        return MaskedLM().reads_windows

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        return MaskedLM().encode(examples, tokenizer, labels, max_length, labelled=labelled)

    def attach(self, network: Any, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        attach_generator(network, int(tokenizer.mask_token_id), seed)

    def detach(self, network: Any) -> None:
        generator = getattr(network, GENERATOR, None)
        if generator is not None:
            generator.remove(network)

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean over tokens of the discriminator's loss, 50 times, and that over hidden ones of the generator's."""
        detection, tokens = summed_cross_entropy(outputs.logits.flatten(0, 1), self._targets(outputs, batch), None)
        # A mask token that a text spells out is filled too, and has no label.
        filling, _ = summed_cross_entropy(outputs.generator_logits, batch.labels[outputs.filled], None)
        # In units of tokens, of which that share is hidden: a weight that does not depend on how batches are cut.
        return DISCRIMINATOR_WEIGHT * detection + filling / self.mlm_probability, tokens

    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        scores, said = outputs.logits.float().softmax(-1).max(-1)
        gold = self._targets(outputs, batch).view(said.shape)
        rows = zip(gold.tolist(), said.tolist(), scores.tolist(), strict=True)
        return [[(NAMES[g], NAMES[s], p) for g, s, p in zip(*row, strict=True) if g != IGNORE] for row in rows]

    def _targets(self, outputs: Any, batch: Batch) -> Tensor:
        """1 for each token that is not what stood there, 0 for others, nothing for special ones; flat.

        Raises:
            TaskError: the network has no generator, which only training gives it.
        """
        import torch

        if not isinstance(outputs, Outputs):
            raise TaskError(
                f"{self.name}: the generator that replaces tokens is left behind when a model is saved, so it cannot "
                "be scored later. Its scores are in its run; `unfreeze predict` says which tokens of a text look "
                "replaced."
            )
        original = torch.where(batch.labels == IGNORE, batch.inputs["input_ids"], batch.labels)
        replaced = (outputs.corrupted_ids != original).long()
        words = [[*window.words, *[-1] * (original.shape[1] - len(window))] for window in batch.features]
        ordinary = torch.tensor(words, device=replaced.device) >= 0
        judged = ordinary & ~(outputs.filled & (batch.labels == IGNORE))
        return torch.where(judged, replaced, IGNORE).flatten()

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Balanced accuracy is the mean of the recalls of both kinds of token: most are original."""
        gold, said = self.pairs_of(predictions)
        scores = classification_scores(gold, said)
        recalls = [one.recall for one in counts_by_label(gold, said).values() if one.gold]
        return {
            "balanced_accuracy": sum(recalls) / max(1, len(recalls)),
            **{name: scores[name] for name in ("accuracy", "macro_f1", "mcc")},
        }

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        return scores_by_label(*self.pairs_of(predictions))

    def answers(self, inputs: Sequence[Any], model: Model, **options: Any) -> list[Any]:
        """For each text the tokens that look replaced: `{"entity", "score", "index", "word", "start", "end"}`."""
        return [
            [_replaced(row, score) for row, score in rows if row.text is not None and score >= LOOKS_REPLACED]
            for rows in _scored(inputs, model)
        ]

    def token_scores(self, inputs: Sequence[Any], model: Model) -> list[list[dict[str, Any]]]:
        """Of every token, special ones too, how likely it is to have been replaced."""
        scored = _scored(inputs, model)
        return [[{"token": row.token, "scores": {NAMES[1]: score}} for row, score in rows] for rows in scored]


def _scored(inputs: Sequence[Any], model: Model) -> list[list[tuple[TokenRow, float]]]:
    """The tokens of each text, each with the probability that it was replaced.

    Raises:
        InputError: of the first input that is no text, or is longer than the network reads at once.
    """
    import torch

    def readable(given: Any) -> str:
        text = model.as_read(text_of(given))
        refuse_longer(text, len(model.tokenizer(text, verbose=False)["input_ids"]), model)
        return text

    found = []
    for text in read_each(inputs, readable):
        encoded = model.tokenizer(text, return_tensors="pt", verbose=False).to(model.network.device)
        with torch.inference_mode():
            logits = model.network(**encoded).logits.float()
        # One logit a token is that of "replaced" (ELECTRA); two are those of both.
        scores = logits.sigmoid()[0] if logits.dim() == 2 else logits.softmax(-1)[0, :, 1]
        found.append(list(zip(tokenised(model.tokenizer, text), scores.tolist(), strict=True)))
    return found


def _replaced(row: TokenRow, score: float) -> dict[str, Any]:
    start, end = row.characters or (None, None)
    named = {"entity": NAMES[1], "score": score, "index": row.position, "word": row.token}
    return named | {"start": start, "end": end}
