"""Low-rank adaptation, through peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.models.peft_layers import inject, namesakes, target_names
from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class LoRA(Strategy):
    """Low-rank matrices beside the frozen weights train, and the head.

    Keys are peft's own, but for `top`. `use_dora` learns the length of each weight column apart from its direction;
    `use_rslora` scales the update by lora_alpha / sqrt(r), for large ranks.

    Use it for small files: one base model serves many tasks, and the adapter can be merged without a trace.
    Not to save time on a small encoder: the backward pass still runs through every layer above the lowest adapter.
    Cost: 2 x r x hidden weights for each target module; memory for gradients and optimizer falls with them.
    Source: Hu et al. 2021, LoRA, section 4.1; Liu et al. 2024, DoRA; Kalajdzievski 2023, rsLoRA.
    """

    name: ClassVar[str] = "lora"
    epochs: ClassVar[int] = 5
    learning_rate: Annotated[float, "peak learning rate"] = 1e-3
    r: Annotated[int, "rank of the update"] = 8
    lora_alpha: Annotated[int, "scale of the update: lora_alpha / r"] = 32
    lora_dropout: Annotated[float, "dropout on the input of the update"] = 0.0
    target_modules: Annotated[
        tuple[str, ...] | None, "module names joined with +; by default the attention projections"
    ] = None
    top: Annotated[int | None, "adapters in the top k layers only; by default in all"] = None
    use_dora: Annotated[bool, "decompose weights into length and direction (DoRA)"] = False
    use_rslora: Annotated[bool, "scale the update by lora_alpha / sqrt(r) (rsLoRA)"] = False

    def __post_init__(self) -> None:
        if self.r < 1:
            raise StrategyError(f"lora:r={self.r}: expected a rank of 1 or more.")
        if not 0 <= self.lora_dropout < 1:
            raise StrategyError(f"lora:lora_dropout={self.lora_dropout}: expected 0 or more and less than 1.")
        if self.top is not None and self.top < 1:
            raise StrategyError(f"lora:top={self.top}: expected 1 layer or more; head trains without adapters.")

    def refuse(self, anatomy: Anatomy) -> None:
        self._targets(anatomy)
        if self.top is not None and anatomy.shared:
            raise StrategyError(
                f"{self}: the {anatomy.layers_applied} layers of {anatomy.model_type} share one set of weights, so an "
                "adapter is in all of them. Leave top out."
            )
        if self.top is not None and self.top > anatomy.num_layers:
            raise StrategyError(
                f"lora:top={self.top}: this encoder has {anatomy.num_layers} layers. Use top=1 to "
                f"top={anatomy.num_layers}, or leave it out for all."
            )

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        from peft import LoraConfig

        targets = self._targets(anatomy)
        layers = range(anatomy.num_layers)
        config = LoraConfig(
            r=self.r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=targets,
            exclude_modules=namesakes(targets, anatomy) or None,
            layers_to_transform=None if self.top is None else list(layers[-self.top :]),
            use_dora=self.use_dora,
            use_rslora=self.use_rslora,
        )
        try:
            inject(network, config)
        except (ValueError, NotImplementedError) as error:
            raise StrategyError(f"{self}: {error}") from error

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part in ("adapter", "head")

    def _targets(self, anatomy: Anatomy) -> list[str]:
        try:
            return target_names(anatomy, self.target_modules)
        except ValueError as error:
            raise StrategyError(f"lora: {error}") from None
