"""Linear layers inside a node of the graph that computes its own gradients, with low-rank adapters on them or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfreeze.acceleration.cheap_dropout import dropout_mask
from unfreeze.acceleration.weight_copies import WeightCopies

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Adapter:
    """A low-rank adapter (Hu et al. 2022, section 4.1): scaling * up(down(dropout(x)))."""

    down: int  # the place of A, (r, in), among the parameters of the node
    up: int  # of B, (out, r)
    scaling: float
    dropout: float


@dataclass(frozen=True)
class Linear:
    """One linear layer by the places of its parameters."""

    weight: int
    bias: int
    out_features: int
    adapter: Adapter | None = None


Kept = tuple["Tensor", list["tuple[Tensor, Tensor, Tensor | None] | None"]]


@dataclass
class Products:
    """The linear layers of one node; several of one input are one product."""

    parameters: Sequence[Tensor]
    copies: WeightCopies
    training: bool
    gradients: list[Tensor | None]

    def forward(self, linears: Sequence[Linear], x: Tensor) -> tuple[Tensor, Kept]:
        """(rows, in) to (rows, all their out features), and what the backward pass needs."""
        import torch

        weights = self.copies.of(*(self.parameters[one.weight] for one in linears))
        biases = self.copies.of(*(self.parameters[one.bias] for one in linears))
        out = torch.addmm(biases, x, weights.t())
        kept: list[tuple[Tensor, Tensor, Tensor | None] | None] = []
        start = 0
        for one in linears:
            kept.append(
                None if one.adapter is None else self._adapt(one.adapter, x, out[:, start : start + one.out_features])
            )
            start += one.out_features
        return out, (x, kept)

    def _adapt(self, adapter: Adapter, x: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        mask = None
        if self.training and adapter.dropout:
            mask = dropout_mask(x.shape, adapter.dropout, x.dtype, x.device)
            x = x * mask
        low = x @ self.copies.of(self.parameters[adapter.down]).t()  # (rows, r)
        out.addmm_(low, self.copies.of(self.parameters[adapter.up]).t(), alpha=adapter.scaling)
        return x, low, mask

    def backward(self, linears: Sequence[Linear], kept: Kept, grad: Tensor, *, to_input: bool) -> Tensor | None:
        """The gradient of the input; those of the parameters are collected."""
        import torch

        x, adapted = kept
        self._weight_gradients(linears, x, grad)
        into = None
        if to_input:
            into = torch.mm(grad, self.copies.of(*(self.parameters[one.weight] for one in linears)))
        start = 0
        for one, saved in zip(linears, adapted, strict=True):
            if one.adapter is not None and saved is not None:
                self._adapter_gradients(one.adapter, saved, grad[:, start : start + one.out_features], into)
            start += one.out_features
        return into

    def _weight_gradients(self, linears: Sequence[Linear], x: Tensor, grad: Tensor) -> None:
        import torch

        sizes = [one.out_features for one in linears]
        if any(self.parameters[one.weight].requires_grad for one in linears):
            for one, part in zip(linears, torch.split(torch.mm(grad.t(), x), sizes), strict=True):
                self.gradients[one.weight] = part if self.parameters[one.weight].requires_grad else None
        if any(self.parameters[one.bias].requires_grad for one in linears):
            for one, part in zip(linears, torch.split(grad.sum(0), sizes), strict=True):
                self.gradients[one.bias] = part if self.parameters[one.bias].requires_grad else None

    def _adapter_gradients(
        self, adapter: Adapter, saved: tuple[Tensor, Tensor, Tensor | None], grad: Tensor, into: Tensor | None
    ) -> None:
        x, low, mask = saved
        down, up = self.parameters[adapter.down], self.parameters[adapter.up]
        through = (grad @ self.copies.of(up)).mul_(adapter.scaling)  # (rows, r)
        if up.requires_grad:
            self.gradients[adapter.up] = (grad.t() @ low).mul_(adapter.scaling)
        if down.requires_grad:
            self.gradients[adapter.down] = through.t() @ x
        if into is not None:
            back = through @ self.copies.of(down)
            into.add_(back if mask is None else back.mul_(mask))
