"""Attention of each text to itself on packed tokens, forward and backward; only the small products see padding."""

from __future__ import annotations

from collections.abc import Sequence
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

    queries: Tensor  # scaled
    keys: Tensor
    values: Tensor
    shares: Tensor
    dropped: Tensor
    mask: Tensor | None


def attend(
    inputs: Sequence[Tensor], heads: int, asking: Packing, packing: Packing, dropout: float
) -> tuple[Tensor, Attended | Flashed]:
    """Softmax attention (Vaswani et al. 2017, section 3.2.1), (rows, width) for the rows that ask.

    Args:
        inputs: queries, keys and values side by side, (rows, 3 * width); or queries, and keys and values side by side,
            where only some rows ask.
        asking: the rows of each text; `packing`: its tokens.
    """
    import torch

    if can_flash(inputs, heads):
        return flash(inputs, heads, asking, packing, dropout)
    if len(inputs) == 1:
        q, k, v = split_heads(packing.spread(inputs[0]), 3, heads, packing)
    else:
        [q] = split_heads(asking.spread(inputs[0]), 1, heads, asking)
        k, v = split_heads(packing.spread(inputs[1]), 2, heads, packing)
    q = q * q.shape[-1] ** -0.5
    shares = torch.bmm(q, k.transpose(1, 2))
    if packing.bias is not None:
        shares.view(packing.batch, heads, asking.longest, packing.longest).add_(packing.bias.to(shares.dtype))
    shares = torch.softmax(shares, -1)
    dropped, mask = shares, None
    if dropout:
        mask = dropout_mask(shares.shape, dropout, shares.dtype, shares.device)
        dropped = shares * mask
    mixed = torch.bmm(dropped, v)
    return join_heads(mixed[None], heads, asking), Attended(q, k, v, shares, dropped, mask)


def attend_backward(
    saved: Attended | Flashed, grad: Tensor, heads: int, asking: Packing, packing: Packing
) -> tuple[Tensor, ...]:
    """The gradients of the inputs of `attend`, in the same arrangement."""
    import torch

    if isinstance(saved, Flashed):
        return flash_backward(saved, grad, asking, packing)
    [out] = split_heads(asking.pad(grad), 1, heads, asking)
    dshares = torch.bmm(out, saved.values.transpose(1, 2))
    if saved.mask is not None:
        dshares.mul_(saved.mask)
    dscores = torch.ops.aten._softmax_backward_data(dshares, saved.shares, -1, dshares.dtype)
    of_tokens = saved.keys.new_empty(3 if asking is packing else 2, *saved.keys.shape)
    torch.bmm(dscores.transpose(1, 2), saved.queries, out=of_tokens[-2])
    torch.bmm(saved.dropped.transpose(1, 2), out, out=of_tokens[-1])
    of_queries = of_tokens[0] if asking is packing else torch.empty_like(saved.queries)
    torch.bmm(dscores, saved.keys, out=of_queries).mul_(saved.queries.shape[-1] ** -0.5)
    joined = join_heads(of_tokens, heads, packing)
    return (joined,) if asking is packing else (join_heads(of_queries[None], heads, asking), joined)


def split_heads(padded: Tensor, parts: int, heads: int, packing: Packing) -> tuple[Tensor, ...]:
    """(batch * longest, parts * width) to so many of (batch * heads, longest, width / heads)."""
    each = padded.shape[-1] // (parts * heads)
    split = padded.view(packing.batch, packing.longest, parts, heads, each)
    return split.permute(2, 0, 3, 1, 4).reshape(parts, -1, packing.longest, each).unbind()


def join_heads(split: Tensor, heads: int, packing: Packing) -> Tensor:
    """(parts, batch * heads, longest, width / heads) to (rows, parts * width)."""
    padded = split.view(len(split), packing.batch, heads, packing.longest, -1).permute(1, 3, 0, 2, 4)
    return packing.pack(padded.reshape(packing.batch, packing.longest, -1))
