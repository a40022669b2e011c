"""Where the gradient goes: a table of one real step, and warnings about what does not pay or does not work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

from unfreeze.models.anatomy import Place
from unfreeze.strategies import Freeze, StrategyError
from unfreeze.training.flops import Operations, step_cost
from unfreeze.training.parameters import Trainables
from unfreeze.training.parameters import _ranges as ranges
from unfreeze.training.part_flow import PartFlow, Rehearsal, left_as_found, one_step, part_name
from unfreeze.training.step_time import Variant, step_seconds

if TYPE_CHECKING:
    from torch import Tensor, nn

    from unfreeze.batching.features import Batch

# One AdamW step moves each weight by about the learning rate; pretrained weights are some hundredths in size.
SMALLEST_UPDATE, LARGEST_UPDATE = 1e-5, 1e-1
LARGEST_UPDATE_OF_NEW = 1.0  # a new head has nothing to lose, but should not be overthrown by each step


@dataclass(frozen=True)
class GradientFlow:
    """One step of a strategy: what it did to each part from input to head, and what a user should know about it."""

    epoch: int
    learning_rate: float
    loss: float
    operations: Operations  # of this step
    parts: tuple[PartFlow, ...]
    warnings: tuple[str, ...]
    changes: tuple[str, ...]  # what starts or stops to train in later epochs


def gradient_flow(
    network: nn.Module,
    trainables: Trainables,
    loss: Callable[[nn.Module, Batch], Tensor],
    batch: Batch,
    learning_rate: float,
    *,
    epoch: int = 0,
    weight_decay: float = 0.0,
    max_grad_norm: float = 1.0,
    frozen_dropout: bool = False,
    timed_steps: int = 3,
) -> GradientFlow:
    """Take one AdamW step on the batch at the peak learning rate, describe it, and undo it bit by bit.

    `loss` gives the mean loss of a batch. `timed_steps` is how many steps a claim of time is measured with (0: none is
    made); timing happens only where a warning needs it.
    """
    rehearsal = Rehearsal(
        network, trainables, loss, batch, learning_rate, epoch, weight_decay, max_grad_norm, frozen_dropout
    )
    value, parts = one_step(rehearsal)
    with left_as_found(rehearsal):
        operations = step_cost(network, trainables.anatomy, batch).parts(_lengths(batch))
        warnings = [
            *_finite(value, parts),
            *_parts_without_gradient(parts),
            *_embeddings_below_frozen_layers(rehearsal, parts, timed_steps),
            *_frozen_above_trained(rehearsal, parts),
            *_vectors_at_full_price(rehearsal, parts),
            *_update_sizes(parts, learning_rate),
        ]
    return GradientFlow(epoch, learning_rate, value, operations, parts, tuple(warnings), _changes(rehearsal))


def _finite(value: float, parts: Sequence[PartFlow]) -> list[str]:
    if not isfinite(value):
        return [f"the loss of this batch is {value:g}: training would stop here"]
    norms = [one.gradient_norm for one in parts if one.gradient_norm is not None]
    return [] if all(map(isfinite, norms)) else ["a gradient is not a finite number: training would stop here"]


def _parts_without_gradient(parts: Sequence[PartFlow]) -> list[str]:
    warnings = []
    for one in parts:
        if one.gradient_share == 0.0:
            reached = len(one.unreached) == 0
            why = "its gradient is exactly zero" if reached else "the loss does not depend on it"
            warnings.append(f"{one.name} should train but got no gradient: {why}")
    lost = [name for one in parts if one.gradient_share for name in one.unreached]
    if lost:
        named = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        warnings.append(f"{named} should train but got no gradient: the loss does not depend on it")
    return warnings


def _embeddings_below_frozen_layers(rehearsal: Rehearsal, parts: Sequence[PartFlow], timed_steps: int) -> list[str]:
    anatomy = rehearsal.trainables.anatomy
    trained = _trained_depths(parts)
    run = 0
    while run < anatomy.num_layers and run + 1 not in trained:
        run += 1
    if 0 not in trained or run == 0:
        return []
    # A closer more, as a user would type it: the same strategy with the embeddings frozen too.
    try:
        strategy = rehearsal.trainables.strategy + Freeze(embeddings="freeze")
        frozen_too = replace(rehearsal, trainables=replace(rehearsal.trainables, strategy=strategy))
    except StrategyError:
        return []  # something in the embeddings starts at random: they have to train
    operations = _operations(rehearsal) / _operations(frozen_too)
    layers = anatomy.layers_applied if anatomy.shared else run
    above = f"the {layers} frozen layers above them still cost" if layers > 1 else "the frozen layer above still costs"
    claim = f"{operations:.1f}x the operations of freezing them too"
    if timed_steps:
        now, then = step_seconds([_timed(rehearsal), _timed(frozen_too)], timed_steps, device=rehearsal.device)
        claim = (
            f"{now / then:.1f}x the step time of freezing them too ({_time(now)} against {_time(then)}, medians of "
            f"{timed_steps} steps), {operations:.1f}x the operations"
        )
    rehearsal.prepare()
    return [f"the embeddings train, so {above} a backward pass: {claim}"]


def _timed(rehearsal: Rehearsal) -> Variant:
    optimizer = rehearsal.optimizer()

    def step() -> None:
        rehearsal.forward_and_backward()
        rehearsal.update(optimizer)
        optimizer.zero_grad(set_to_none=True)

    return Variant(rehearsal.prepare, step)


def _frozen_above_trained(rehearsal: Rehearsal, parts: Sequence[PartFlow]) -> list[str]:
    trained = _trained_depths(parts)
    lowest_layer = min((depth for depth in trained if depth > 0), default=None)
    frozen = [one.depth for one in parts if one.part == "layer" and one.depth not in trained]
    holes = [depth for depth in frozen if lowest_layer is not None and depth > lowest_layer]
    if not holes:
        return []

    now = _operations(rehearsal)
    thawed = _operations(rehearsal, lambda place, does: does or place.depth in holes)
    lowest = _operations(rehearsal, lambda place, does: (does or place.depth in frozen) and place.depth > len(frozen))
    several = len(holes) > 1
    instead = f"the embeddings and the lowest {f'{len(frozen)} layers' if len(frozen) > 1 else 'layer'}"
    return [
        f"layer{'s' * several} {ranges(holes)} {'are' if several else 'is'} frozen above layers that train: the "
        f"gradient still passes through, so this spares only {100 * (1 - now / thawed):.0f} % of a step's operations; "
        f"with {instead} frozen instead, a step takes {100 * (1 - lowest / now):.0f} % fewer"
    ]


def _vectors_at_full_price(rehearsal: Rehearsal, parts: Sequence[PartFlow]) -> list[str]:
    trainables = rehearsal.trainables
    trained = [
        (trainables.anatomy.locate(name), parameter)
        for name, parameter in rehearsal.network.named_parameters()
        if trainables.trains(name, rehearsal.epoch) and name not in trainables.new_parameters
    ]
    below_head = [(place, parameter) for place, parameter in trained if place.part != "head"]
    # By size and not by dimensions: adapters may keep a vector as a matrix of one row.
    if not below_head or any(parameter.numel() > max(parameter.shape) for _, parameter in below_head):
        return []
    lowest = min((place for place, _ in below_head), key=lambda place: place.depth)
    if lowest.depth > 1:
        return []
    share = sum(parameter.numel() for _, parameter in below_head) / sum(one.parameters for one in parts)
    cost = _operations(rehearsal) / _operations(rehearsal, lambda place, does: True)
    return [
        f"below the head only vectors train ({100 * share:.2g} % of all parameters), but the gradient has to come down "
        f"to the {'lowest layer' if lowest.depth else 'embeddings'}: a step still costs {100 * cost:.0f} % of the "
        "operations of full fine-tuning"
    ]


def _operations(rehearsal: Rehearsal, trains: Callable[[Place, bool], bool] | None = None) -> float:
    """Operations of a step; `trains` may answer otherwise than the strategy does, which it is told."""
    rehearsal.prepare()
    anatomy = rehearsal.trainables.anatomy
    if trains is not None:
        for name, parameter in rehearsal.network.named_parameters():
            place = anatomy.locate(name)
            parameter.requires_grad_(place.part == "head" or trains(place, parameter.requires_grad))
    cost = step_cost(rehearsal.network, anatomy, rehearsal.batch).of(_lengths(rehearsal.batch))
    rehearsal.prepare()
    return cost


def _update_sizes(parts: Sequence[PartFlow], learning_rate: float) -> list[str]:
    def largest(one: PartFlow) -> float:
        if one.part == "adapter":
            return float("inf")  # they start at or near zero, so their first steps are large by design
        return LARGEST_UPDATE_OF_NEW if one.new else LARGEST_UPDATE

    sizes = [(one, one.update_size) for one in parts if one.update_size is not None and one.gradient_share]
    outside = {
        "high": [(one, size) for one, size in sizes if size > largest(one)],
        "low": [(one, size) for one, size in sizes if size < SMALLEST_UPDATE],
    }
    return [
        f"one step at the learning rate {learning_rate:g} changes {_listed([one for one, _ in found])} by "
        f"{_span([size for _, size in found])} of their weights: the learning rate may be too {word}"
        for word, found in outside.items()
        if found
    ]


def _listed(parts: Sequence[PartFlow]) -> str:
    layers = [one.depth for one in parts if one.part == "layer"]
    return ", ".join(
        [one.name for one in parts if one.depth == 0]
        + ([f"layers {ranges(layers)}"] if len(layers) > 1 else [one.name for one in parts if one.part == "layer"])
        + [one.name for one in parts if one.depth > 0 and one.part != "layer"]
    )


def _span(shares: Sequence[float]) -> str:
    lowest, highest = (f"{100 * share:.2g}" for share in (min(shares), max(shares)))
    return f"{lowest} %" if lowest == highest else f"{lowest} to {highest} %"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _trained_depths(parts: Sequence[PartFlow]) -> set[int]:
    """Depths of the embeddings and layers where something trains, adapters included."""
    above = {one.depth for one in parts if one.part in ("top", "head")}
    return {one.depth for one in parts if one.trainable_parameters} - above


def _lengths(batch: Batch) -> list[int]:
    return [len(window) for window in batch.features]


def _changes(rehearsal: Rehearsal) -> tuple[str, ...]:
    """What trains in a later epoch and not in the one before it, or the reverse; epochs counted from 1."""
    trainables, names = rehearsal.trainables, [name for name, _ in rehearsal.network.named_parameters()]

    def training(epoch: int) -> list[str]:
        places = [trainables.anatomy.locate(name) for name in names if trainables.trains(name, epoch)]
        return list(dict.fromkeys(part_name(place, trainables.anatomy) for place in places))

    changes = []
    for epoch in range(rehearsal.epoch + 1, trainables.epochs):
        before, after = training(epoch - 1), training(epoch)
        started = [part for part in after if part not in before]
        stopped = [part for part in before if part not in after]
        changes += [f"epoch {epoch + 1} starts to train {', '.join(started)}"] if started else []
        changes += [f"epoch {epoch + 1} no longer trains {', '.join(stopped)}"] if stopped else []
    return tuple(changes)
