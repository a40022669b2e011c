"""Dropout masks from few random bits: on a CPU the stock way spends much of a step on drawing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LEVELS = 2**16  # the rate is met within 1 / LEVELS


def dropout_mask(shape: torch.Size, rate: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """0 with probability `rate`, else 1 / (1 - rate), drawn with torch's generator.

    Four numbers are made of one draw of 64 bits.
    """
    import torch

    count = shape.numel()
    draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=device).random_(-(2**63), None)
    numbers = draws.view(torch.int16)[:count].view(shape)  # uniform from -LEVELS / 2 on
    return numbers.ge(round(rate * LEVELS) - LEVELS // 2).to(dtype).mul_(1 / (1 - rate))
