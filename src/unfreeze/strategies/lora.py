"""Low-rank adaptation, through peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Strategy, StrategyError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place

# The attention projections by the names families give them; the first line found in the encoder is taken.
ATTENTION_PROJECTIONS = (
    ("query", "key", "value"),  # bert, roberta, electra, albert, xlm-roberta, camembert
    ("q_lin", "k_lin", "v_lin"),  # distilbert
    ("Wqkv",),  # modernbert: one matrix for all three
    ("query_proj", "key_proj", "value_proj"),  # deberta-v2
    ("q", "k", "v"),  # mpnet
)


@dataclass(frozen=True)
class LoRA(Strategy):
    """Low-rank matrices beside the frozen weights train, and the head (Hu et al. 2021, section 4.1).

    Small files, one base model for many tasks. Not to save time on a small encoder: the backward pass still runs
    through every layer. Keys are peft's own.
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

    def __post_init__(self) -> None:
        if self.r < 1:
            raise StrategyError(f"lora:r={self.r}: expected a rank of 1 or more.")
        if not 0 <= self.lora_dropout < 1:
            raise StrategyError(f"lora:lora_dropout={self.lora_dropout}: expected 0 or more and less than 1.")

    def refuse(self, anatomy: Anatomy) -> None:
        self._targets(anatomy)

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        from peft import LoraConfig, inject_adapter_in_model

        targets = self._targets(anatomy)
        config = LoraConfig(
            r=self.r,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            target_modules=targets,
            exclude_modules=_namesakes(targets, anatomy) or None,
        )
        try:
            # Injection keeps the stock class and does not duplicate the head, as get_peft_model would.
            inject_adapter_in_model(config, network)
        except ValueError as error:
            raise StrategyError(f"{self}: {error}") from error
        network.peft_config = {"default": config}

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part in ("adapter", "head")

    def _targets(self, anatomy: Anatomy) -> list[str]:
        modules = {name.rsplit(".", 2)[-2] for name, place in anatomy.places.items() if place.part == "layer"}
        if self.target_modules is not None:
            unknown = [target for target in self.target_modules if target not in modules]
            if unknown:
                raise StrategyError(
                    f"lora:target_modules: {', '.join(unknown)} not in the layers of {anatomy.model_type}. "
                    f"Modules there: {', '.join(sorted(modules))}."
                )
            return list(self.target_modules)
        for targets in ATTENTION_PROJECTIONS:
            if set(targets) <= modules:
                return list(targets)
        raise StrategyError(
            f"lora: no default target modules for {anatomy.model_type}. Give lora:target_modules=NAME+NAME from: "
            f"{', '.join(sorted(modules))}."
        )


def _namesakes(targets: list[str], anatomy: Anatomy) -> list[str]:
    """Modules outside of the layers that have a target's name (a pooler's or head's `dense`): no adapters there."""
    outside = {name.rpartition(".")[0] for name, place in anatomy.places.items() if place.part != "layer"}
    return sorted(module for module in outside if module.rpartition(".")[2] in targets)
