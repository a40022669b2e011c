"""Cross-entropy as a sum and the units it sums over, and the divergence from what a teacher says in the same units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unfreeze.batching.features import IGNORE

if TYPE_CHECKING:
    from torch import Tensor


def at_least_fp32(values: Tensor) -> Tensor:
    """The values in fp32, unless they are more precise."""
    return values if values.element_size() >= 4 else values.float()


def summed_cross_entropy(
    logits: Tensor, labels: Tensor, label_weights: Tensor | None, item_weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(weighted sum, sum of the weights) over the items with a label; their ratio is torch's weighted mean.

    Shapes: logits (items, labels); labels (items,), IGNORE where there is none; label_weights (labels,);
    item_weights (items,).
    """
    from torch.nn.functional import cross_entropy

    logits = at_least_fp32(logits)  # under bf16 the loss is still computed in fp32
    counted = labels != IGNORE
    if item_weights is not None:
        losses = cross_entropy(logits, labels, weight=label_weights, reduction="none", ignore_index=IGNORE)
        by_label = 1.0 if label_weights is None else label_weights[labels[counted]]
        return (losses * item_weights).sum(), (item_weights[counted] * by_label).sum().to(losses.dtype)
    total = cross_entropy(logits, labels, weight=label_weights, reduction="sum", ignore_index=IGNORE)
    units = counted if label_weights is None else label_weights[labels[counted]]
    return total, units.sum().to(total.dtype)


def summed_divergence(
    logits: Tensor,
    taught: Tensor,
    labels: Tensor,
    temperature: float,
    label_weights: Tensor | None = None,
    item_weights: Tensor | None = None,
) -> Tensor:
    """T^2 KL(teacher || student) with both softened by T, summed over the items with a label, each weighted as in
    `summed_cross_entropy`: one more unit of the same. T^2 keeps its gradients as large whatever T is (Hinton et al.
    2015, section 2).

    Shapes: logits, taught (items, labels), -inf where there is no choice; the rest as in `summed_cross_entropy`.
    """
    import torch

    own, theirs = ((at_least_fp32(one) / temperature).log_softmax(-1) for one in (logits, taught))
    # Where neither has a choice, both are -inf.
    apart = torch.where(theirs == -torch.inf, 0.0, theirs.exp() * (theirs - own))
    counted = labels != IGNORE
    weights = counted.to(apart.dtype)
    if label_weights is not None:
        weights = weights * label_weights[labels.clamp(min=0)]
    if item_weights is not None:
        weights = weights * item_weights
    return temperature**2 * (apart.sum(-1) * weights).sum()
