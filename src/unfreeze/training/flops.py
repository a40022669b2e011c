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


def step_cost(network: nn.Module, batch: Batch) -> StepCost:
    """Watch one forward pass in the current `requires_grad` state and add up what its backward pass will cost."""
    import torch
    from torch import nn

    per_token = per_window = 0.0
    attention_layers: list[bool] = []  # for each layer's attention: does a gradient flow through it?
    config: Any = network.config
    padded_tokens = batch.inputs["input_ids"].shape[1]

    def watch(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        nonlocal per_token, per_window
        inputs = args[0]
        assert isinstance(module, nn.Linear)
        products = 2 * module.in_features * module.out_features
        passes = 1 + int(inputs.requires_grad) + int(module.weight.requires_grad)
        if inputs.dim() == 3 and inputs.shape[1] == padded_tokens:
            per_token += products * passes
        else:
            per_window += products * passes

    hooks = [module.register_forward_hook(watch) for module in network.modules() if isinstance(module, nn.Linear)]
    gradient_hooks = [
        module.register_forward_hook(lambda _m, _a, out: attention_layers.append(_requires_grad(out)))
        for module in network.modules()
        if type(module).__name__.endswith(("SelfAttention", "ModernBertAttention", "AlbertAttention", "SdpAttention"))
    ]
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.enable_grad():
                network(**batch.inputs)
        finally:
            for hook in (*hooks, *gradient_hooks):
                hook.remove()
    hidden = int(config.hidden_size)
    layers = attention_layers or [True] * int(config.num_hidden_layers)
    attention = float(sum(4 * hidden * (3 if flows else 1) for flows in layers))
    return StepCost(per_token, per_window, attention)


def _requires_grad(output: Any) -> bool:
    first = output[0] if isinstance(output, tuple) else output
    return bool(first.requires_grad)
