"""Train and eval modes of a network's modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def modes_restored(network: nn.Module) -> Iterator[None]:
    """Afterwards every module is in the mode it was in: a frozen prefix is in eval mode while the rest trains."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Inside, every module is in eval mode."""
    if not any(module.training for module in network.modules()):  # setting a mode takes longer than looking
        yield
        return
    with modes_restored(network):
        network.eval()
        yield
