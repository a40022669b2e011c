"""Dropout masks from few random bits: on a CPU the stock way spends much of a step on drawing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LEVELS = 2**16  # the rate is met within 1 / LEVELS


def dropout_mask(shape: torch.Size, rate: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """0 with probability `rate`, else 1 / (1 - rate), decided by torch's generator.

    Four numbers are made of one draw of 64 bits; on a CPU a faster generator draws them, seeded by torch's.
    """
    import torch

    count = shape.numel()
    draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=device)
    if device.type == "cpu":
        seed = int(torch.empty((), dtype=torch.int64).random_())
        draws = torch.from_numpy(np.random.SFC64(seed).random_raw(len(draws)).view(np.int64))
    else:
        draws.random_(-(2**63), None)
    numbers = draws.view(torch.int16)[:count].view(shape)  # uniform from -LEVELS / 2 on
    lowest_kept = max(round(rate * LEVELS) - LEVELS // 2, 1 - LEVELS // 2)
    kept = numbers.clamp_(lowest_kept - 1, lowest_kept).sub_(lowest_kept - 1)  # 0 or 1, without branches
    if dtype == torch.bfloat16:
        return kept.mul_(int(torch.tensor(1 / (1 - rate), dtype=dtype).view(torch.int16))).view(dtype)
    return kept.to(dtype).mul_(1 / (1 - rate))
