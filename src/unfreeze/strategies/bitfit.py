"""BitFit: biases only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class BitFit(Strategy):
    """All biases train, those of norms and of a pooler too, and the head.

    Use it to keep little for each task, a thousandth of the weights, in a network that stays the stock one and needs no
    adapter code.
    Not to save time: the gradient has to come down to the lowest bias, which is in the embeddings. ModernBERT has no
    biases in its encoder and is refused; its norms can train instead (`layernorm`).
    Cost: a backward pass through every layer, without the gradients of the matrices; next to no memory for gradients
    and optimizer.
    Source: Ben Zaken et al. 2022, BitFit, section 3.
    """

    name: ClassVar[str] = "bitfit"
    epochs: ClassVar[int] = 5
    learning_rate: Annotated[float, "peak learning rate"] = 1e-3

    def refuse(self, anatomy: Anatomy) -> None:
        if not any(place.is_bias and place.part != "head" for place in anatomy.places.values()):
            raise StrategyError(
                f"{self}: the encoder of {anatomy.model_type} has no biases, so nothing but the head would train. Use "
                "layernorm, lora, or head."
            )

    def trains(self, place: Place, epoch: int) -> bool:
        return place.is_bias or place.part == "head"
