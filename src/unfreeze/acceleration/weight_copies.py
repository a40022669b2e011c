"""Weights in the dtype of the products: cast once for each change of a weight, not once for each use."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


LowRank = tuple["Tensor", "Tensor", float]  # down (r, in), up (out, r), scaling: what an adapter adds to a weight


class WeightCopies:
    """Copies of weights, made anew when a weight has changed. A frozen weight is cast once for a whole run."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        # The weights are kept too: so no other object can have their ids.
        self._copies: dict[tuple[int, ...], tuple[tuple[Tensor, ...], tuple[int, ...], Tensor]] = {}

    def of(self, *weights: Tensor, updates: Sequence[LowRank | None] = ()) -> Tensor:
        """The weights one above the other, for one product in place of several.

        Args:
            updates: what is added to each of them, scaling * up @ down.
        """
        import torch

        if len(weights) == 1 and weights[0].dtype == self.dtype and not updates:
            return weights[0].detach()
        sources = (*weights, *(one for update in updates if update is not None for one in update[:2]))
        key = tuple(map(id, sources))
        versions = tuple(one._version for one in sources)
        known = self._copies.get(key)
        if known is None:
            rows = sum(weight.shape[0] for weight in weights)
            with torch.inference_mode(False):  # an evaluation may ask first, and training write later
                copy = torch.empty((rows, *weights[0].shape[1:]), dtype=self.dtype, device=weights[0].device)
        elif known[1] == versions:
            return known[2]
        else:
            copy = known[2]
        start = 0
        for weight, update in zip_longest(weights, updates):
            whole = weight.detach() if update is None else _updated(weight.detach(), update)
            copy[start : start + weight.shape[0]].copy_(whole)
            start += weight.shape[0]
        self._copies[key] = (sources, versions, copy)
        return copy


def _updated(weight: Tensor, update: LowRank) -> Tensor:
    import torch

    down, up, scaling = update
    return torch.addmm(weight, up.detach(), down.detach(), alpha=scaling)
