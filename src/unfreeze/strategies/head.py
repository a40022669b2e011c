"""Head-only training, also called linear probing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class Head(Strategy):
    """Only the task's head trains; the encoder stays as pretrained.

    Classification heads of BERT and ALBERT read a pooler that was pretrained for next-sentence prediction:
    `pooler=train` lets it learn too, best at a tenth of the rate (`learning_rate=2e-3`); `pooling=mean` leaves it out
    and lets the head read the mean over the last outputs of all tokens of a text, [CLS] and [SEP] included, padding
    not. But for ModernBERT, which can do that itself, a model with mean pooling is saved as one that loads through
    unfreeze.load only.

    What the head of a text classifier consists of differs between families. BERT's is one linear layer: 1,538 weights
    in bert-base with two labels. Those of DistilBERT, RoBERTa, ELECTRA and MPNet have one more layer before it, which
    is new as well (DistilBERT's `pre_classifier`): 592,130 weights in distilbert-base. One linear layer straight on the
    output of [CLS] is not offered.

    Use it as the cheapest strategy, for a first number or for thousands of small tasks on one encoder.
    Not when the last points of quality matter: the encoder never learns what the task is about.
    Cost: no backward pass through the encoder, and gradients and optimizer state for the head alone.
    Source: Devlin et al. 2019, section 5.3, for the fixed encoder; Reimers and Gurevych 2019, section 3, for the mean.
    """

    name: ClassVar[str] = "head"
    epochs: ClassVar[int] = 30
    learning_rate: Annotated[float, "peak learning rate"] = 2e-2
    pooler: Annotated[Literal["train", "freeze"], "does the pretrained pooler under the head train?"] = "freeze"
    pooling: Annotated[
        Literal["cls", "mean"], "what the head of a text classifier reads: as the stock network does, or the mean"
    ] = "cls"

    def __post_init__(self) -> None:
        if self.pooling == "mean" and self.pooler == "train":
            raise StrategyError("head:pooling=mean,pooler=train: the mean is read without the pooler. Leave one out.")

    def refuse(self, anatomy: Anatomy) -> None:
        if self.pooling == "mean" and not anatomy.reads_one_vector:
            raise StrategyError(
                f"{self}: the head of this task reads every token, so there is nothing to pool. Leave pooling out."
            )

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        if self.pooling == "mean":
            from unfreeze.models.extensions import use_mean_pooling

            use_mean_pooling(network)

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part == "head" or (place.part == "top" and self.pooler == "train")
