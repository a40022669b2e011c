"""Head-only training, also called linear probing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from unfreeze.strategies.strategy import Strategy

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Place


@dataclass(frozen=True)
class Head(Strategy):
    """Only the task's head trains; the encoder stays as pretrained.

    The cheapest strategy, because the encoder needs no backward pass. Not when the last points of quality matter.
    Classification heads of BERT read a pooler that was pretrained for next-sentence prediction: `pooler=train` lets it
    learn too.
    """

    name: ClassVar[str] = "head"
    epochs: ClassVar[int] = 30
    learning_rate: Annotated[float, "peak learning rate"] = 5e-3
    pooler: Annotated[Literal["train", "freeze"], "does the pretrained pooler under the head train?"] = "freeze"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part == "head" or (place.part == "top" and self.pooler == "train")
