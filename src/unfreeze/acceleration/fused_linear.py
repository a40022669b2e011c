"""Linear layers inside a node of the graph that computes its own gradients, with low-rank adapters on them or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfreeze.acceleration.cheap_dropout import dropout_mask
from unfreeze.acceleration.weight_copies import LowRank, WeightCopies

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


@dataclass
class Kept:
    """What the backward pass of some linear layers needs."""

    x: Tensor  # (rows, in)
    merged: bool  # were the adapters added to the weights?
    adapted: list[tuple[Tensor, Tensor, Tensor | None] | None]  # of each adapter: its input, that times A, the mask


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

        merged = self._is_cheaper_merged(linears, len(x))
        biases = self.copies.of(*(self.parameters[one.bias] for one in linears))
        out = torch.addmm(biases, x, self._weights(linears, merged).t())
        kept = Kept(x, merged, [])
        for one, part in zip(linears, self._parts(linears, out), strict=True):
            kept.adapted.append(None if merged or one.adapter is None else self._adapt(one.adapter, x, part))
        return out, kept

    def _is_cheaper_merged(self, linears: Sequence[Linear], rows: int) -> bool:
        """Whether x (W + s B A) takes fewer operations than x W + s (x A) B, with r * in * out against
        r * rows * (in + out) for the adapter. Without training the sum is made once for many batches."""
        for one in linears:
            if one.adapter is None:
                continue
            out_features, in_features = self.parameters[one.weight].shape
            dropped = self.training and one.adapter.dropout
            if dropped or (self.training and in_features * out_features > rows * (in_features + out_features)):
                return False
        return True

    def merged_weights(self, linears: Sequence[Linear]) -> Tensor:
        """(all their out features, in), with their adapters."""
        return self._weights(linears, True)

    def _weights(self, linears: Sequence[Linear], merged: bool) -> Tensor:
        weights = [self.parameters[one.weight] for one in linears]
        updates = [self._update(one.adapter) if merged else None for one in linears]
        return self.copies.of(*weights, updates=updates if any(updates) else ())

    def _update(self, adapter: Adapter | None) -> LowRank | None:
        if adapter is None:
            return None
        return self.parameters[adapter.down], self.parameters[adapter.up], adapter.scaling

    def _parts(self, linears: Sequence[Linear], joined: Tensor) -> tuple[Tensor, ...]:
        """(rows, all out features) to (rows, out features) of each."""
        import torch

        return torch.split(joined, [one.out_features for one in linears], 1)

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

        self._weight_gradients(linears, kept.x, grad)
        into = torch.mm(grad, self._weights(linears, kept.merged)) if to_input else None
        if kept.merged:
            self._merged_gradients(linears, kept.x, grad)
            return into
        for one, saved, part in zip(linears, kept.adapted, self._parts(linears, grad), strict=True):
            if one.adapter is not None and saved is not None:
                self._adapter_gradients(one.adapter, saved, part, into)
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

    def _merged_gradients(self, linears: Sequence[Linear], x: Tensor, grad: Tensor) -> None:
        """Of all adapters at once where they read the same."""
        import torch

        parts = self._parts(linears, grad)
        adapted = [(one.adapter, part) for one, part in zip(linears, parts, strict=True) if one.adapter is not None]
        downs = [self.parameters[adapter.down] for adapter, _ in adapted]
        ups = [self.parameters[adapter.up] for adapter, _ in adapted]
        ranks = [len(down) for down in downs]
        if any(up.requires_grad for up in ups):
            lows = torch.split(x @ self.copies.of(*downs).t(), ranks, 1)  # (rows, r) each
            for (adapter, part), low in zip(adapted, lows, strict=True):
                self.gradients[adapter.up] = (part.t() @ low).mul_(adapter.scaling)
        if any(down.requires_grad for down in downs):
            throughs = [part @ self.copies.of(up) for (_, part), up in zip(adapted, ups, strict=True)]
            for (adapter, _), into in zip(adapted, torch.split(torch.cat(throughs, 1).t() @ x, ranks), strict=True):
                self.gradients[adapter.down] = into.mul_(adapter.scaling)

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
