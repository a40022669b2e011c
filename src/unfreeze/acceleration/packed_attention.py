"""Attention of each text to itself on packed tokens, forward and backward; only the small products see padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfreeze.acceleration.cheap_dropout import dropout_mask
from unfreeze.acceleration.flash_attention import Flashed, can_flash, flash, flash_backward
from unfreeze.acceleration.packing import Packing

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Attended:
    """What the backward pass needs; all of shape (batch * heads, places, ...)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    shares: Tensor
    dropped: Tensor
    mask: Tensor | None


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, heads: int, asking: Packing, packing: Packing, dropout: float
) -> tuple[Tensor, Attended | Flashed]:
    """Softmax attention (Vaswani et al. 2017, section 3.2.1), (rows, width) for the rows that ask.

    Args:
        queries: (rows, width); keys and values (tokens, width).
        asking: the rows of each text; `packing`: its tokens.
    """
    import torch

    if can_flash(queries, heads):
        return flash(queries, keys, values, heads, asking, packing, dropout)
    width = queries.shape[1]
    q = split_heads(queries, heads, asking)
    k, v = (split_heads(one, heads, packing) for one in (keys, values))
    shares = torch.bmm(q, k.transpose(1, 2)).mul_((width // heads) ** -0.5)
    if packing.bias is not None:
        shares.view(packing.batch, heads, asking.longest, packing.longest).add_(packing.bias.to(shares.dtype))
    shares = torch.softmax(shares, -1)
    dropped, mask = shares, None
    if dropout:
        mask = dropout_mask(shares.shape, dropout, shares.dtype, shares.device)
        dropped = shares * mask
    mixed = join_heads(torch.bmm(dropped, v), heads, asking)
    return mixed, Attended(q, k, v, shares, dropped, mask)


def attend_backward(
    saved: Attended | Flashed, grad: Tensor, heads: int, asking: Packing, packing: Packing
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of queries, keys and values, each (rows or tokens, width)."""
    import torch

    if isinstance(saved, Flashed):
        return flash_backward(saved, grad, asking, packing)
    batch, width = packing.batch, grad.shape[1]
    each = width // heads
    out = asking.pad(grad).view(batch, asking.longest, heads, each).transpose(1, 2).reshape(-1, asking.longest, each)
    dv = torch.bmm(saved.dropped.transpose(1, 2), out)
    dshares = torch.bmm(out, saved.values.transpose(1, 2))
    if saved.mask is not None:
        dshares.mul_(saved.mask)
    dscores = torch.ops.aten._softmax_backward_data(dshares, saved.shares, -1, dshares.dtype).mul_(each**-0.5)
    dq = torch.bmm(dscores, saved.keys)
    dk = torch.bmm(dscores.transpose(1, 2), saved.queries)
    return join_heads(dq, heads, asking), join_heads(dk, heads, packing), join_heads(dv, heads, packing)


def split_heads(packed: Tensor, heads: int, packing: Packing) -> Tensor:
    """(tokens, width) to (batch * heads, longest, width / heads)."""
    each = packed.shape[1] // heads
    padded = packing.spread(packed).view(packing.batch, packing.longest, heads, each)
    return padded.transpose(1, 2).reshape(-1, packing.longest, each)


def join_heads(split: Tensor, heads: int, packing: Packing) -> Tensor:
    """(batch * heads, longest, width / heads) to (tokens, width)."""
    padded = split.view(packing.batch, heads, packing.longest, -1).transpose(1, 2)
    return packing.pack(padded.reshape(packing.batch, packing.longest, -1))
