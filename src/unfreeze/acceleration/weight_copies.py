"""Weights in the dtype of the products: cast once for each change of a weight, not once for each use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class WeightCopies:
    """Copies of weights, made anew when a weight has changed. A frozen weight is cast once for a whole run."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        # The weights are kept too: so no other object can have their ids.
        self._copies: dict[tuple[int, ...], tuple[tuple[Tensor, ...], tuple[int, ...], Tensor]] = {}

    def of(self, *weights: Tensor) -> Tensor:
        """The weights one above the other, for one product in place of several."""
        import torch

        if len(weights) == 1 and weights[0].dtype == self.dtype:
            return weights[0].detach()
        key = tuple(map(id, weights))
        versions = tuple(weight._version for weight in weights)
        known = self._copies.get(key)
        if known is None:
            rows = sum(weight.shape[0] for weight in weights)
            copy = torch.empty((rows, *weights[0].shape[1:]), dtype=self.dtype, device=weights[0].device)
        elif known[1] == versions:
            return known[2]
        else:
            copy = known[2]
        start = 0
        for weight in weights:
            copy[start : start + weight.shape[0]].copy_(weight.detach())
            start += weight.shape[0]
        self._copies[key] = (weights, versions, copy)
        return copy
