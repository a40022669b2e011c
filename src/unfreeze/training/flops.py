"""Floating-point operations of a training step, from what actually requires gradients.

A linear layer with n inputs and m outputs costs 2nm operations a token forward, 2nm for the gradient of its input if
something below trains, and 2nm for the gradient of its weight if it trains. Attention between s tokens of width h costs
4 s^2 h forward and 8 s^2 h backward a layer. Biases, norms and softmax are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from unfreeze.batching.features import Batch
    from unfreeze.models.anatomy import Anatomy


@dataclass(frozen=True)
class StepCost:
    """Operations as a function of the lengths of the windows of a batch."""

    per_token: float
    per_window: float  # products on one row of a window only: pooler and text-level head
    attention: float  # times the square of a window's length

    def of(self, lengths: Sequence[int]) -> float:
        """Operations of a step on windows of these lengths, padding not counted."""
        squares = sum(length * length for length in lengths)
        return self.per_token * sum(lengths) + self.per_window * len(lengths) + self.attention * squares


def step_cost(network: nn.Module, anatomy: Anatomy, batch: Batch) -> StepCost:
    """Watch one forward pass in the current `requires_grad` state and add up what its backward pass will cost.

    The batch may be a single window: the costs do not depend on how many there are.
    """
    import torch
    from torch import nn

    per_token = per_window = 0.0
    gradient_flows: list[bool] = []  # for each layer applied: does a gradient reach what comes out of it?
    padded_tokens = batch.inputs["input_ids"].shape[1]

    def watch_linear(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        nonlocal per_token, per_window
        inputs = args[0]
        assert isinstance(module, nn.Linear)
        products = 2 * module.in_features * module.out_features
        passes = 1 + int(inputs.requires_grad) + int(module.weight.requires_grad)
        if inputs.dim() == 3 and inputs.shape[1] == padded_tokens:
            per_token += products * passes
        else:
            per_window += products * passes

    def watch_layer(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        gradient_flows.append(bool(first.requires_grad))

    hooks = [m.register_forward_hook(watch_linear) for m in network.modules() if isinstance(m, nn.Linear)]
    hooks += [network.get_submodule(name).register_forward_hook(watch_layer) for name in anatomy.layer_prefixes]
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.enable_grad():
                network(**batch.inputs)
        finally:
            for hook in hooks:
                hook.remove()
    config: Any = network.config
    attention = float(sum(4 * int(config.hidden_size) * (3 if flows else 1) for flows in gradient_flows))
    return StepCost(per_token, per_window, attention)
