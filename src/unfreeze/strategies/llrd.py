"""Layer-wise learning-rate decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Kind, Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class LLRD(Strategy):
    """The learning rate shrinks from layer to layer, from the head down to the embeddings.

    The head, and a pooler or last norm under it, train at the learning rate itself, the last layer at `decay` times
    that, the one below at decay^2 times, and the embeddings below n layers at decay^(n + 1) times. An adapter has the
    rate of its layer.

    Use it beside full fine-tuning, `reinit` or `gradual`: it lets the upper layers learn fast and keeps the lower ones
    near what was pretrained. With `decay=0.9` the embeddings below 12 layers have a quarter of the rate.
    Not with `head`, where nothing below the head trains, and not to save anything.
    Cost: that of the strategies it is composed with.
    Source: Sun et al. 2019, How to Fine-Tune BERT for Text Classification?, "Layer-wise Decreasing Layer Rate"; counted
    from the head as in Zhang et al. 2021, Revisiting Few-sample BERT Fine-tuning (Clark et al. 2020, ELECTRA, decays
    once more).
    """

    name: ClassVar[str] = "llrd"
    kind: ClassVar[Kind] = "rates"
    learning_rate: Annotated[float, "peak learning rate of the head"] = 2e-4
    decay: Annotated[float, "multiplier on the rate from one layer to the next below"] = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise StrategyError(f"llrd:decay={self.decay}: expected more than 0 and at most 1.")

    def refuse(self, anatomy: Anatomy) -> None:
        if anatomy.shared:
            raise StrategyError(
                f"{self}: the {anatomy.layers_applied} layers of {anatomy.model_type} share one set of weights, so "
                "they cannot have a rate each. Use discriminative: one rate each for embeddings, layers and head."
            )

    def lr_scale(self, place: Place, epoch: int) -> float:
        return float(self.decay**place.from_top)
