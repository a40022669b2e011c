"""Bottleneck adapters: small networks between the sub-layers of a frozen encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.explained import ModelError
from unfreeze.models.sublayers import BOTTLENECK, sublayers_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Placement = Literal["pfeiffer", "houlsby"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class Bottleneck(nn.Module):
    """`up(activation(down(x)))`, from (batch, tokens, hidden) through `size` numbers back to the same shape.

    The residual is added where it is used. The up-projection starts at 0, so at first an adapted network gives the
    outputs of the stock one exactly (near-identity start, Houlsby et al. 2019, section 2).
    """

    def __init__(self, hidden: int, size: int, non_linearity: str) -> None:
        super().__init__()
        self.down = nn.Linear(hidden, size)
        self.activation = ACTIVATIONS[non_linearity]()
        self.up = nn.Linear(size, hidden)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.up(self.activation(self.down(inputs)))
        return result


def add_bottlenecks(network: PreTrainedModel, placement: Placement, size: int, non_linearity: str) -> None:
    """Add adapters to every layer, in place.

    `houlsby`: behind the attention and the feed-forward sub-layer, before the residual is added (Houlsby et al. 2019,
    figure 2). `pfeiffer`: behind the feed-forward sub-layer only; it reads the normalised sum with the residual
    (Pfeiffer et al. 2021, AdapterFusion). Where norms stand before the sub-layers, it reads the sub-layer's output.

    Raises:
        ModelError: the sub-layers of this network are unknown, or peft has already wrapped one of them.
    """
    anatomy = take_anatomy(network)
    names = sublayers_of(anatomy)
    if names is None:
        raise ModelError(f"the sub-layers of {anatomy.model_type} are not known, so adapters have no place in them")
    if placement == "houlsby":
        places = [(names.attention_output, False), (names.feed_forward_output, False)]
    else:
        places = [(names.norm_after or names.feed_forward_output, names.norm_after is not None)]
    hidden = int(network.config.hidden_size)
    for layer in anatomy.layer_prefixes:
        for name, is_norm in places:
            module = network.get_submodule(f"{layer}.{name}")
            if hasattr(module, "base_layer"):
                raise ModelError(f"{layer}.{name} already has an adapter of peft; leave it out of target_modules")
            module.add_module(BOTTLENECK, Bottleneck(hidden, size, non_linearity))
            if is_norm:
                module.register_forward_pre_hook(_add_before_norm)
            else:
                module.register_forward_hook(_add_to_output)


# Functions of the module and not closures, so that a copy of a network uses its own adapters.


def _add_to_output(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    added: torch.Tensor = module.get_submodule(BOTTLENECK)(output)
    return output + added


def _add_before_norm(norm: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    (total,) = inputs  # sub-layer output and residual, (batch, tokens, hidden)
    # `forward` and not the call: the norm's own hook is this function.
    return (total + norm.get_submodule(BOTTLENECK)(norm.forward(total)),)
