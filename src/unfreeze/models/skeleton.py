"""A network without weights: it answers what trains and what fits, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unfreeze.models.explained import explained
from unfreeze.models.load import load_config

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build_skeleton(model: str, auto_class: str, **config_overrides: Any) -> PreTrainedModel:
    """The network as `load_network` builds it, from its configuration alone. Its numbers mean nothing.

    Raises:
        ModelError: there is no usable configuration.
    """
    import torch
    import transformers

    config = load_config(model, **config_overrides)
    with explained(model, "config.json"), torch.device("meta"):
        network: PreTrainedModel = getattr(transformers, auto_class).from_config(config, dtype=torch.float32)
    # Memory that is never written costs nothing; on the meta device what adapts a network could not compute.
    network = network.to_empty(device="cpu").eval()
    network.tie_weights()  # that made two of what is one
    return network
