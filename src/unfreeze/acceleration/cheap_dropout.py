"""Dropout masks cut out of a pool on a CPU, where drawing random bits takes the stock way a good part of a step."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LEVELS = 2**16  # the rate is met within 1 / LEVELS
POOL = 2**24  # numbers, 32 MB in bf16
LARGEST = POOL // 16  # masks beyond are drawn


def dropout_mask(shape: torch.Size, rate: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """0 with probability `rate`, else 1 / (1 - rate), decided by torch's generator. Read it, do not write to it.

    In bf16 the scale is rounded, as in torch's own dropout on a CPU (1.1094 for a rate of 0.1).

    On a CPU the generator draws where in a pool of independent numbers a mask begins. Two masks of n numbers overlap
    with probability 2 n / POOL, and then at other places of what they are for.
    """
    import torch

    count = shape.numel()
    if device.type != "cpu" or count > LARGEST:
        return _drawn(count, rate, dtype, device).view(shape)
    begin = int(torch.randint(POOL - count, ()))
    return _pool(rate, dtype)[begin : begin + count].view(shape)


@lru_cache(maxsize=4)
def _pool(rate: float, dtype: torch.dtype) -> Tensor:
    import torch

    return _drawn(POOL, rate, dtype, torch.device("cpu"), torch.Generator().manual_seed(0))


def _drawn(
    count: int, rate: float, dtype: torch.dtype, device: torch.device, generator: torch.Generator | None = None
) -> Tensor:
    """Four numbers are made of one draw of 64 bits."""
    import torch

    draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=device)
    draws.random_(-(2**63), None, generator=generator)
    numbers = draws.view(torch.int16)[:count]  # uniform from -LEVELS / 2 on
    return numbers.ge(round(rate * LEVELS) - LEVELS // 2).to(dtype).mul_(1 / (1 - rate))
