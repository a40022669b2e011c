"""One encoder layer of a network that no longer trains: `FusedLayer` forward alone, on weights that oneDNN has laid out
once for its products, with GELU inside of the product before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from unfreeze.acceleration.fused_layer import LayerPlan, Step, add_and_norm
from unfreeze.acceleration.fused_linear import Linear, Products
from unfreeze.acceleration.packed_attention import attend
from unfreeze.acceleration.weight_copies import WeightCopies

if TYPE_CHECKING:
    from torch import Tensor

TYPICAL_ROWS = 512  # that the layout is chosen for


class Layouts:
    """Weights as oneDNN reads them fastest, made again when one has changed."""

    def __init__(self, copies: WeightCopies) -> None:
        self.copies = copies
        # With what they were made from, whose memory nothing else can take as long as it is held.
        self._known: dict[int, tuple[Tensor, int, Tensor]] = {}

    def product(self, products: Products, linears: Sequence[Linear], x: Tensor, gelu: str | None = None) -> Tensor:
        """(rows, in) to (rows, all their out features); adapters are added to the weights.

        Args:
            gelu: what is applied to the outputs, "none" or "tanh"; None: nothing.
        """
        biases = self.copies.of(*(products.parameters[one.bias] for one in linears))
        weight = self._laid_out(products.merged_weights(linears))
        attribute, algorithm = ("none", "") if gelu is None else ("gelu", gelu)
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, biases, attribute, [], algorithm)
        return out

    def _laid_out(self, weight: Tensor) -> Tensor:
        key = weight.data_ptr()
        known = self._known.get(key)
        if known is None or known[1] != weight._version:
            known = (weight, weight._version, torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS))
            self._known[key] = known
        return known[2]


def answer(x: Tensor, step: Step, layouts: Layouts, parameters: tuple[Tensor, ...]) -> Tensor:
    """(rows, width) to (rows, width) of a packing, or of `asking` where only some tokens are wanted."""
    plan: LayerPlan = step.plan
    asking = step.asking or step.packing
    products = Products(parameters, step.copies, False, [])
    dtype = step.copies.dtype
    low = x.to(dtype)
    if step.rows is None:
        residual = x
        inputs: tuple[Tensor, ...] = (layouts.product(products, (plan.query, plan.key, plan.value), low),)
    else:
        residual = x.index_select(0, step.rows)
        queries = layouts.product(products, (plan.query,), low.index_select(0, step.rows))
        inputs = (queries, layouts.product(products, (plan.key, plan.value), low))
    mixed, _ = attend(inputs, plan.heads, asking, step.packing, 0.0)
    out = layouts.product(products, (plan.mixed,), mixed)
    middle, _ = add_and_norm(residual, out, 0.0, plan.mixed_norm, parameters)
    active = layouts.product(products, (plan.widened,), middle.to(dtype), plan.activation)
    narrow = layouts.product(products, (plan.narrowed,), active)
    top, _ = add_and_norm(middle, narrow, 0.0, plan.narrowed_norm, parameters)
    return top
