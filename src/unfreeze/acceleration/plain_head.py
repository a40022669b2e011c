"""The head of most stock networks: dropout and one linear layer, called without what the network does around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from unfreeze.acceleration.known_layers import known_layers
from unfreeze.acceleration.random_numbers import seed_generators
from unfreeze.models.modes import modes_restored

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

Reads = Literal["pooler", "first", "all"]


@dataclass(frozen=True)
class PlainHead:
    """What becomes of the outputs of the last layer."""

    reads: Reads
    pooler: nn.Module | None
    dropout: nn.Module
    linear: nn.Linear
    outputs: type  # that the network returns

    def __call__(self, hidden: Tensor) -> Any:
        """What the network says of (batch, places, width)."""
        return self.outputs(logits=self.linear(self.dropout(self.read(hidden))))

    def read(self, hidden: Tensor) -> Tensor:
        """What the head is given."""
        if self.pooler is not None:
            pooled: Tensor = self.pooler(hidden)
            return pooled
        return hidden[:, 0] if self.reads == "first" else hidden


def plain_head(network: PreTrainedModel, hidden: Tensor, encoder_outputs: type) -> PlainHead | None:
    """The head of this network, if it is one: tried while training, when dropout shows that nothing is left out.

    Args:
        hidden: (batch, places, width), made-up outputs of the last layer.
    """
    encoder = network.base_model
    if encoder is network or encoder._forward_hooks or network._forward_hooks:
        return None
    above = [module for module in network.children() if module is not encoder]
    linears = [module for module in above if type(module) is nn.Linear]
    dropouts = [module for module in above if type(module) is nn.Dropout]
    if len(above) != 2 or len(linears) != 1 or len(dropouts) != 1:
        return None
    [linear], [dropout] = linears, dropouts
    given: list[Tensor] = []
    devices = [network.device] if network.device.type == "cuda" else []
    with modes_restored(network), torch.random.fork_rng(devices=devices), torch.no_grad():
        network.train()
        seed_generators(0, str(network.device))
        with (
            linear.register_forward_pre_hook(lambda module, args: given.append(args[0])),
            known_layers(network, hidden, encoder_outputs),
        ):
            said = network()
        if len(given) != 1 or {name for name, value in said.items() if value is not None} != {"logits"}:
            return None
        ways: list[tuple[Reads, nn.Module | None]] = [("first", None), ("all", None)]
        if getattr(encoder, "pooler", None) is not None:
            ways.append(("pooler", encoder.pooler))
        for reads, pooler in ways:
            head = PlainHead(reads, pooler, dropout, linear, type(said))
            seed_generators(0, str(network.device))
            read = dropout(head.read(hidden))
            if read.shape == given[0].shape and torch.equal(read, given[0]) and torch.equal(linear(read), said.logits):
                return head
    return None
