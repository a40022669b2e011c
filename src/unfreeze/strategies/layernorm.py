"""Norms only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class NormTuning(Strategy):
    """All norms train, their weights and biases, and the head.

    Use it beside adapters, as Houlsby et al. do (`adapter:placement=houlsby+layernorm`), or for the fewest weights a
    task can have: less than half of BitFit's.
    Not alone where quality counts: Houlsby et al. find norms alone well behind adapters. And not to save time: the
    gradient has to come down to the norm of the embeddings.
    Cost: a backward pass through every layer, without the gradients of the matrices; next to no memory for gradients
    and optimizer.
    Source: Houlsby et al. 2019, section 3.4; Qi et al. 2022, Parameter-Efficient Tuning on Layer Normalization.
    """

    name: ClassVar[str] = "layernorm"
    epochs: ClassVar[int] = 5
    learning_rate: Annotated[float, "peak learning rate"] = 1e-3

    def refuse(self, anatomy: Anatomy) -> None:
        if not any(place.is_norm and place.part != "head" for place in anatomy.places.values()):
            raise StrategyError(
                f"{self}: no norms are known in the encoder of {anatomy.model_type}, so nothing but the head would "
                "train. Use bitfit, lora, or head."
            )

    def trains(self, place: Place, epoch: int) -> bool:
        return place.is_norm or place.part == "head"
