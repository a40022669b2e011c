"""Discriminative learning rates: one each for embeddings, layers and head."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Kind, Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Place


@dataclass(frozen=True)
class Discriminative(Strategy):
    """Embeddings, layers and head train at three learning rates.

    The rates are kept as ratios to the head's, which is the learning rate of the strategy: `--learning-rate`, a search
    for the rate, or the rate of an opener in a sum replaces the head's and scales the other two with it. Adapters have
    the rate of the layers, and a pooler or last norm the rate of the head.

    Use it to let a new head learn fast and what was pretrained slowly, with three numbers instead of llrd's one.
    Not with `head`, where nothing below the head trains. The defaults are careful; with few examples they may need more
    epochs, or a higher rate found by `--lr-search`.
    Cost: that of the strategies it is composed with.
    Source: Howard and Ruder 2018, ULMFiT, section 3.2, there with one rate for each layer.
    """

    name: ClassVar[str] = "discriminative"
    kind: ClassVar[Kind] = "rates"
    embeddings: Annotated[float, "peak learning rate of the embeddings"] = 1e-5
    encoder: Annotated[float, "peak learning rate of the layers and of adapters in them"] = 2e-5
    head: Annotated[float, "peak learning rate of the head and of a pooler or norm under it"] = 5e-5

    def __post_init__(self) -> None:
        for key in ("embeddings", "encoder", "head"):
            rate = getattr(self, key)
            if not (rate > 0 and isfinite(rate)):
                raise StrategyError(f"discriminative:{key}={rate}: expected a rate above 0; freeze keeps layers still.")

    @property
    def learning_rate(self) -> float:  # type: ignore[override]
        """The head's; the other two are ratios to it."""
        return self.head

    def lr_scale(self, place: Place, epoch: int) -> float:
        if place.from_top == 0:
            return 1.0
        return (self.encoder if place.depth > 0 else self.embeddings) / self.head
