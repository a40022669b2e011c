"""Attention of each text to itself on packed tokens, by the flash kernels of a GPU: they know where a text ends, so
that nothing is padded, and drop shares themselves (Dao 2023, FlashAttention-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfreeze.acceleration.packing import Packing

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Flashed:
    """What the backward pass needs; queries, keys, values and outputs of shape (rows or tokens, heads, each)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    out: Tensor
    logsumexp: Tensor
    rng_state: Tensor
    unused: Tensor
    dropout: float


def can_flash(inputs: Sequence[Tensor], heads: int) -> bool:
    """The kernels compute in 16 bits, for heads of up to 256 numbers, on GPUs from Ampere on.

    Args:
        inputs: as `packed_attention.attend` takes them.
    """
    import torch

    first = inputs[0]
    if not first.is_cuda or first.dtype not in (torch.bfloat16, torch.float16):
        return False
    if torch.cuda.get_device_capability(first.device) < (8, 0):
        return False
    each = first.shape[1] // (3 if len(inputs) == 1 else 1) // heads  # all three stand side by side, or the queries do
    return each % 8 == 0 and each <= 256 and torch.backends.cuda.is_flash_attention_available()


def flash(
    inputs: Sequence[Tensor], heads: int, asking: Packing, packing: Packing, dropout: float
) -> tuple[Tensor, Flashed]:
    """As `packed_attention.attend`."""
    import torch

    parts = inputs[0].chunk(3, 1) if len(inputs) == 1 else (inputs[0], *inputs[1].chunk(2, 1))
    q, k, v = (one.view(len(one), heads, -1) for one in parts)
    out, logsumexp, rng_state, unused, _ = torch.ops.aten._flash_attention_forward(
        *(q, k, v, asking.bounds, packing.bounds, asking.longest, packing.longest, dropout, False, False)
    )
    return out.view(len(out), -1), Flashed(q, k, v, out, logsumexp, rng_state, unused, dropout)


def flash_backward(saved: Flashed, grad: Tensor, asking: Packing, packing: Packing) -> tuple[Tensor, ...]:
    """As `packed_attention.attend_backward`."""
    import torch

    gradients = torch.ops.aten._flash_attention_backward(
        *(grad.view(saved.out.shape), saved.queries, saved.keys, saved.values, saved.out, saved.logsumexp),
        *(asking.bounds, packing.bounds, asking.longest, packing.longest, saved.dropout, False),
        *(saved.rng_state, saved.unused),
    )
    dq, dk, dv = (one.reshape(len(one), -1) for one in gradients)
    return (torch.cat((dq, dk, dv), 1),) if asking is packing else (dq, torch.cat((dk, dv), 1))
