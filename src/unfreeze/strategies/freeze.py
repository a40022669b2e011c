"""Partial freezing: some layers keep their pretrained weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class Freeze(Strategy):
    """Some layers stay as pretrained; the others, the pooler or last norm and the head train.

    `first=k` freezes the lowest k layers, and `first=0` nothing at all, so that a sweep `first=0..6` starts at full
    fine-tuning. Give one of first, last, alternating and layers, with or without embeddings.

    Use it with `first=k` to save time and memory: the lowest layers change least in fine-tuning, and frozen ones need
    no backward pass.
    Not to save time with `last=k`, `alternating` and `layers`: below what they freeze something trains, so the
    gradient still passes through. They are there to study what the layers do. And not with all layers frozen, to see
    what the head alone can do: it would train at a rate made for layers; use `head`, or `--lr-search`.
    Cost: with `first=k` a backward pass through the layers above k only; with the others all of it but some weight
    gradients. Gradients and optimizer state for what trains.
    Source: Lee et al. 2019, What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning.
    """

    name: ClassVar[str] = "freeze"
    kind: ClassVar[Literal["closer"]] = "closer"
    learning_rate: Annotated[float, "peak learning rate"] = 2e-4
    first: Annotated[int | Literal["half"] | None, "freeze the lowest k layers"] = None
    last: Annotated[int | None, "freeze the highest k layers"] = None
    alternating: Annotated[bool, "freeze every second layer, from the lowest"] = False
    layers: Annotated[bool, "freeze all layers"] = False
    embeddings: Annotated[
        Literal["train", "freeze"] | None,
        "by default frozen with `first` and `alternating`, trained with `last` and `layers`",
    ] = None

    def __post_init__(self) -> None:
        named = [self.first is not None, self.last is not None, self.alternating, self.layers]
        if sum(named) > 1:
            raise StrategyError("freeze: give one of first=k, last=k, alternating and layers, not several.")
        if not any(named) and self.embeddings != "freeze":
            raise StrategyError("freeze: nothing to freeze. Give first=k, last=k, alternating, layers or embeddings.")
        for key, value in (("first", self.first), ("last", self.last)):
            if isinstance(value, int) and value < 0:
                raise StrategyError(f"freeze:{key}={value}: expected 0 or more layers.")

    def refuse(self, anatomy: Anatomy) -> None:
        selects = self.first is not None or self.last is not None or self.alternating
        if anatomy.shared and selects:
            raise StrategyError(
                f"{self}: the {anatomy.layers_applied} layers of {anatomy.model_type} share one set of weights, so "
                "single layers cannot be frozen. Use freeze:layers, freeze:embeddings, head or full."
            )
        for key, value in (("first", self.first), ("last", self.last)):
            if isinstance(value, int) and value > anatomy.num_layers:
                raise StrategyError(
                    f"freeze:{key}={value}: this encoder has {anatomy.num_layers} layers. "
                    f"Use {key}=0 to {key}={anatomy.num_layers}, or head to train nothing but the head."
                )

    def trains(self, place: Place, epoch: int) -> bool:
        # By depth and not by part: an adapter on a frozen layer is frozen with it.
        if place.depth == 0:
            return not self._embeddings_frozen()
        return place.depth not in self.frozen_layers(place.num_layers)

    def _embeddings_frozen(self) -> bool:
        if self.embeddings is not None:
            return self.embeddings == "freeze"
        # first=0 freezes no layer; it is full fine-tuning, so that a sweep over k starts there.
        return self.alternating or (self.first is not None and self.first != 0)

    def frozen_layers(self, num_layers: int) -> range:
        """The numbers of those that stay frozen, from 1, of an encoder of so many layers."""
        if self.first is not None:
            return range(1, 1 + (num_layers // 2 if self.first == "half" else self.first))
        if self.last is not None:
            return range(num_layers + 1 - self.last, num_layers + 1)
        if self.alternating:
            return range(1, num_layers + 1, 2)
        return range(1, num_layers + 1) if self.layers else range(0)
