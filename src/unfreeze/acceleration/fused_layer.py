"""One encoder layer whose norms come after the sums, as one node of the graph: the mathematics of the stock modules
(Vaswani et al. 2017, section 3.1; Devlin et al. 2019), on packed tokens, with a backward pass of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from unfreeze.acceleration.cheap_dropout import dropout_mask
from unfreeze.acceleration.flash_attention import Flashed
from unfreeze.acceleration.fused_linear import Linear, Products
from unfreeze.acceleration.packed_attention import Attended, attend, attend_backward
from unfreeze.acceleration.packing import Packing
from unfreeze.acceleration.weight_copies import WeightCopies

if TYPE_CHECKING:
    from torch import Tensor

aten = torch.ops.aten
KeptNorm = tuple["Tensor", "Tensor", "Tensor", "Tensor | None"]  # sum, mean, 1 / deviation, dropout mask


@dataclass(frozen=True)
class Norm:
    """A layer norm by the places of its parameters."""

    weight: int
    bias: int
    eps: float


@dataclass(frozen=True)
class LayerPlan:
    """The parts of a layer, each by the places of its parameters among those of the node."""

    query: Linear
    key: Linear
    value: Linear
    mixed: Linear
    mixed_norm: Norm
    widened: Linear
    narrowed: Linear
    narrowed_norm: Norm
    heads: int
    activation: str  # "none" or "tanh": the approximation of GELU
    attention_dropout: float
    mixed_dropout: float  # of what attention adds
    narrowed_dropout: float  # of what the feed-forward part adds


@dataclass
class Step:
    """What one pass through a layer computes with."""

    plan: LayerPlan
    packing: Packing
    copies: WeightCopies
    training: bool
    rows: Tensor | None = None  # the tokens whose output is wanted; None: all
    asking: Packing | None = None  # the packing of those


class FusedLayer(torch.autograd.Function):
    """(rows, width) to (rows, width) of a packing, or of `asking` where only some tokens are wanted."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Step, *parameters: Tensor) -> Tensor:
        plan, asking = step.plan, step.asking or step.packing
        products = Products(parameters, step.copies, step.training, [])
        low = x.to(step.copies.dtype)
        if step.rows is None:
            projected, kept_in = products.forward((plan.query, plan.key, plan.value), low)
            inputs: tuple[Tensor, ...] = (projected,)
            residual, kept_queries = x, None
        else:
            residual, asked = x.index_select(0, step.rows), low.index_select(0, step.rows)
            queries, kept_queries = products.forward((plan.query,), asked)
            projected, kept_in = products.forward((plan.key, plan.value), low)
            inputs = (queries, projected)
        dropout = plan.attention_dropout if step.training else 0.0
        mixed, attended = attend(inputs, plan.heads, asking, step.packing, dropout)
        out, kept_mixed = products.forward((plan.mixed,), mixed)
        middle, kept_first = add_and_norm(
            residual, out, plan.mixed_dropout if step.training else 0.0, plan.mixed_norm, parameters
        )
        wide, kept_wide = products.forward((plan.widened,), middle.to(low.dtype))
        active = aten.gelu(wide, approximate=plan.activation)
        narrow, kept_narrow = products.forward((plan.narrowed,), active)
        top, kept_second = add_and_norm(
            middle, narrow, plan.narrowed_dropout if step.training else 0.0, plan.narrowed_norm, parameters
        )
        ctx.step, ctx.parameters = step, parameters
        ctx.kept = (kept_in, kept_queries, attended, kept_mixed, kept_first, kept_wide, wide, kept_narrow, kept_second)
        return top

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        step: Step = ctx.step
        plan = step.plan
        (kept_in, kept_queries, attended, kept_mixed, kept_first, kept_wide, wide, kept_narrow, kept_second) = ctx.kept
        del ctx.kept
        products = Products(ctx.parameters, step.copies, step.training, [None] * len(ctx.parameters))
        low = step.copies.dtype

        upper, narrow = _add_and_norm_backward(grads[0], kept_second, plan.narrowed_norm, products, low)
        active = products.backward((plan.narrowed,), kept_narrow, narrow, to_input=True)
        widened = aten.gelu_backward(active, wide, approximate=plan.activation)
        middle = products.backward((plan.widened,), kept_wide, widened, to_input=True)
        assert middle is not None
        residual, out = _add_and_norm_backward(upper + middle, kept_first, plan.mixed_norm, products, low)
        needs = ctx.needs_input_grad
        if not (needs[0] or any(ctx.parameters[i].requires_grad for i in _of_attention(plan))):
            products.backward((plan.mixed,), kept_mixed, out, to_input=False)
            return (None, None, *products.gradients)
        mixed = products.backward((plan.mixed,), kept_mixed, out, to_input=True)
        assert mixed is not None
        into = _attention_backward(
            step, products, (attended, kept_in, kept_queries), mixed, residual, to_input=needs[0]
        )
        return (into, None, *products.gradients)


def _attention_backward(
    step: Step,
    products: Products,
    kept: tuple[Attended | Flashed, Any, Any],
    mixed: Tensor,
    residual: Tensor,
    *,
    to_input: bool,
) -> Tensor | None:
    """The gradient of the layer's input, with what came past attention."""
    attended, kept_in, kept_queries = kept
    plan, asking = step.plan, step.asking or step.packing
    inputs = attend_backward(attended, mixed, plan.heads, asking, step.packing)
    if step.rows is None:
        into = products.backward((plan.query, plan.key, plan.value), kept_in, inputs[0], to_input=to_input)
        return residual + into if into is not None else None
    asked = products.backward((plan.query,), kept_queries, inputs[0], to_input=to_input)
    into = products.backward((plan.key, plan.value), kept_in, inputs[1], to_input=to_input)
    if into is None or asked is None:
        return None
    return into.to(residual.dtype).index_add_(0, step.rows, residual + asked)


def _of_attention(plan: LayerPlan) -> list[int]:
    """The places of the parameters below the product that mixes the heads."""
    places = []
    for one in (plan.query, plan.key, plan.value):
        places += [one.weight, one.bias]
        places += [] if one.adapter is None else [one.adapter.down, one.adapter.up]
    return places


def add_and_norm(
    residual: Tensor, out: Tensor, dropout: float, norm: Norm, parameters: tuple[Tensor, ...]
) -> tuple[Tensor, KeptNorm]:
    """Dropout, sum and norm; `out` is used up."""
    mask = None
    if dropout:
        mask = dropout_mask(out.shape, dropout, out.dtype, out.device)
        out.mul_(mask)
    total = residual + out
    weight, bias = parameters[norm.weight], parameters[norm.bias]
    normed, mean, deviation = aten.native_layer_norm(total, [total.shape[1]], weight, bias, norm.eps)
    return normed, (total, mean, deviation, mask)


def _add_and_norm_backward(
    grad: Tensor, kept: KeptNorm, norm: Norm, products: Products, low: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The gradients of the residual and, in the dtype of the products, of what was added to it."""
    total, mean, deviation, mask = kept
    weight, bias = products.parameters[norm.weight], products.parameters[norm.bias]
    wanted = [True, weight.requires_grad, bias.requires_grad]
    into, products.gradients[norm.weight], products.gradients[norm.bias] = aten.native_layer_norm_backward(
        grad, total, [total.shape[1]], mean, deviation, weight, bias, wanted
    )
    added = into.to(low)
    return into, added if mask is None else added * mask
