"""Bottleneck adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from unfreeze.models.sublayers import sublayers_of
from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class Adapter(Strategy):
    """Small networks between the sub-layers of the frozen encoder train, and the head.

    Each one projects down to hidden / reduction_factor numbers, applies a non-linearity, projects up again and adds
    that to what came in. The up-projection starts at 0, so training starts from the pretrained network. `houlsby` puts
    one behind the attention and one behind the feed-forward sub-layer, `pfeiffer` only the latter. Houlsby et al. train
    the norms as well: `adapter:placement=houlsby+layernorm`.

    Use it where LoRA on the attention is not enough: an adapter has a non-linearity of its own.
    Not where the model must load elsewhere or be fast: it cannot be merged, so the saved model loads through
    unfreeze.load only and every prediction computes the adapters.
    Cost: 2 x hidden^2 / reduction_factor weights for each adapter; the backward pass runs through every layer.
    Source: Houlsby et al. 2019, section 2; Pfeiffer et al. 2021, AdapterFusion.
    """

    name: ClassVar[str] = "adapter"
    epochs: ClassVar[int] = 5
    learning_rate: Annotated[float, "peak learning rate"] = 3e-3
    placement: Annotated[Literal["pfeiffer", "houlsby"], "one adapter a layer, or two"] = "pfeiffer"
    reduction_factor: Annotated[int, "hidden size divided by the size of the bottleneck"] = 16
    non_linearity: Annotated[
        Literal["relu", "gelu", "silu", "tanh"] | None, "by default relu with pfeiffer, gelu with houlsby"
    ] = None

    def __post_init__(self) -> None:
        if self.reduction_factor < 1:
            raise StrategyError(f"adapter:reduction_factor={self.reduction_factor}: expected 1 or more.")

    def refuse(self, anatomy: Anatomy) -> None:
        if sublayers_of(anatomy) is None:
            raise StrategyError(
                f"{self}: the attention and feed-forward sub-layers of {anatomy.model_type} are not known, so adapters "
                "have no place in them. Use lora:target_modules=..., or full."
            )

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        from unfreeze.models.explained import ModelError
        from unfreeze.models.extensions import Bottlenecks, extend

        size = max(1, int(network.config.hidden_size) // self.reduction_factor)
        non_linearity = self.non_linearity or {"pfeiffer": "relu", "houlsby": "gelu"}[self.placement]
        try:
            extend(network, Bottlenecks(self.placement, size, non_linearity))
        except ModelError as error:
            raise StrategyError(f"{self}: {error}.") from error

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part in ("adapter", "head")
