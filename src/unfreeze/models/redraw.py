"""Pretrained weights thrown away: modules that start anew, as their family initialises them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def redraw(network: PreTrainedModel, module: nn.Module) -> None:
    """Draw the weights of a module of this network anew from torch's generator: norms 1, biases 0, the rest random."""
    for parameter in module.parameters():
        # transformers leaves alone what it marked as loaded.
        parameter._is_hf_initialized = False  # type: ignore[attr-defined]
    # From the inside out, as at loading: a module may draw its children's weights with a spread of its own.
    module.apply(network._init_weights)
