"""One real training step, seen part by part: gradients, updates, and where a gradient has to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.random_numbers import seed_generators
from unfreeze.models.anatomy import Anatomy, Part, Place
from unfreeze.models.modes import modes_restored
from unfreeze.training.parameters import Trainables, parameter_groups

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from unfreeze.batching.features import Batch


@dataclass(frozen=True)
class Rehearsal:
    """What one step needs. `loss` gives the mean loss of a batch; weights move at the peak learning rate."""

    network: nn.Module
    trainables: Trainables
    loss: Callable[[nn.Module, Batch], Tensor]
    batch: Batch
    learning_rate: float
    epoch: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    frozen_dropout: bool = False

    @property
    def device(self) -> str:
        return str(next(iter(self.batch.inputs.values())).device)

    def prepare(self) -> None:
        """Flags and modes as in a training."""
        self.trainables.apply(self.network, self.epoch)
        self.trainables.set_modes(self.network, self.epoch, frozen_dropout=self.frozen_dropout)

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW as the loop builds it, past the warm-up."""
        import torch

        groups = parameter_groups(self.network, self.trainables, self.weight_decay)
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, fused=True)
        for group in optimizer.param_groups:
            group["lr"] = self.learning_rate * group["key"].scales[self.epoch]
        return optimizer

    def forward_and_backward(self) -> float:
        """Leave the gradients in the network; returns the loss."""
        loss = self.loss(self.network, self.batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip and move the weights; the gradients stay."""
        import torch

        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        torch.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm or float("inf"))
        optimizer.step()


@dataclass(frozen=True)
class PartFlow:
    """What one step did to one part of the network. None where nothing trains."""

    name: str
    part: Part
    depth: int
    parameters: int
    trainable_parameters: int
    new: bool  # newly initialised: there is nothing pretrained to lose
    gradient_share: float | None  # of the parameters that train: those with a gradient other than zero
    gradient_norm: float | None  # before clipping
    update_size: float | None  # norm of the change by norm of the weights, of those with a gradient; None from zero
    passes_through: bool  # does a gradient have to pass to something below that trains?
    unreached: tuple[str, ...]  # parameters that should train but that the loss does not depend on


def one_step(rehearsal: Rehearsal) -> tuple[float, tuple[PartFlow, ...]]:
    """Take one step and describe it: the loss, and the parts from input to head. The network is left as it was."""
    with left_as_found(rehearsal) as before:
        optimizer = rehearsal.optimizer()
        with _passed_depths(rehearsal.network, rehearsal.trainables.anatomy) as passed:
            loss = rehearsal.forward_and_backward()
        measured = {name: _gradient(parameter) for name, parameter in rehearsal.network.named_parameters()}
        if isfinite(loss):
            rehearsal.update(optimizer)
            for name, parameter in rehearsal.network.named_parameters():
                if name in before:
                    measured[name] |= _update(parameter, before[name])
        return loss, _by_part(rehearsal, measured, passed)


@contextmanager
def left_as_found(rehearsal: Rehearsal) -> Iterator[dict[str, Tensor]]:
    """Set the network up for the rehearsal and give it back bit-identical: weights, buffers, gradients, flags, modes,
    random generators. Yields the weights of what trains, by name."""
    import torch

    network = rehearsal.network
    parameters = dict(network.named_parameters())
    flags = {name: (parameter.requires_grad, parameter.grad) for name, parameter in parameters.items()}
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    devices = {parameter.device for parameter in parameters.values() if parameter.is_cuda}
    trained = [name for name in parameters if rehearsal.trainables.trains(name, rehearsal.epoch)]
    before = {name: parameters[name].detach().clone() for name in trained}
    with torch.random.fork_rng(devices=devices), modes_restored(network):
        seed_generators(0, rehearsal.device)  # the same dropout each time
        try:
            for parameter in parameters.values():
                parameter.grad = None
            rehearsal.prepare()
            yield before
        finally:
            with torch.no_grad():
                for name, weight in before.items():
                    parameters[name].copy_(weight)
                for buffer, values in buffers:
                    buffer.copy_(values)
            for name, parameter in parameters.items():
                requires_grad, parameter.grad = flags[name]
                parameter.requires_grad_(requires_grad)


@contextmanager
def _passed_depths(network: nn.Module, anatomy: Anatomy) -> Iterator[set[int | str]]:
    """Collect the depths that receive a tensor with a gradient to pass on: what lies below them trains.

    Asked of the tensors themselves, so it holds for layers that share weights and for adapters inside frozen layers.
    """
    passed: set[int | str] = set()

    def enters(depth: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            if _any_requires_grad((*args, *kwargs.values())):
                passed.add(depth)

        return hook

    def leaves(where: int | str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if _any_requires_grad(output):
                passed.add(where)

        return hook

    layers = [network.get_submodule(prefix) for prefix in anatomy.layer_prefixes]
    hooks = [
        layer.register_forward_pre_hook(enters(depth), with_kwargs=True) for depth, layer in enumerate(layers, start=1)
    ]
    hooks += [
        layers[-1].register_forward_hook(leaves(anatomy.num_layers + 1)),
        network.get_submodule(anatomy.prefix).register_forward_hook(leaves("head")),
    ]
    try:
        yield passed
    finally:
        for hook in hooks:
            hook.remove()


def _any_requires_grad(values: Any) -> bool:
    if isinstance(values, dict):
        return any(map(_any_requires_grad, values.values()))
    if isinstance(values, tuple | list):
        return any(map(_any_requires_grad, values))
    return bool(getattr(values, "requires_grad", False))


def _gradient(parameter: nn.Parameter) -> dict[str, float]:
    """How many gradients are not zero, and the sum of their squares."""
    if parameter.grad is None:
        return {"touched": 0, "gradient": 0.0}
    return {
        "touched": int(parameter.grad.count_nonzero()),
        "gradient": float(parameter.grad.norm(dtype=_sum_type())) ** 2,
    }


def _update(parameter: nn.Parameter, before: Tensor) -> dict[str, float]:
    """Sums of squares of the change and of the weights, where there was a gradient: AdamW leaves the others alone."""
    if parameter.grad is None:
        return {"change": 0.0, "weight": 0.0}
    touched = parameter.grad != 0
    change = (parameter.detach() - before) * touched
    return {
        "change": float(change.norm(dtype=_sum_type())) ** 2,
        "weight": float((before * touched).norm(dtype=_sum_type())) ** 2,
    }


def _sum_type() -> torch.dtype:
    import torch

    return torch.float64  # sums over 100 million small squares


def _by_part(
    rehearsal: Rehearsal, measured: dict[str, dict[str, float]], passed: set[int | str]
) -> tuple[PartFlow, ...]:
    trainables, network = rehearsal.trainables, rehearsal.network
    parameters = dict(network.named_parameters())
    groups: dict[tuple[int, int], list[str]] = {}
    for name in parameters:
        groups.setdefault(_rank(trainables.anatomy.locate(name)), []).append(name)
    flows = []
    for _, names in sorted(groups.items()):
        first = trainables.anatomy.locate(names[0])
        trained = [name for name in names if trainables.trains(name, rehearsal.epoch)]
        count = sum(parameters[name].numel() for name in trained)
        sums = {
            key: sum(measured[name].get(key, 0.0) for name in trained)
            for key in ("touched", "gradient", "change", "weight")
        }
        flows.append(
            PartFlow(
                name=part_name(first, trainables.anatomy),
                part=first.part,
                depth=first.depth,
                parameters=sum(parameters[name].numel() for name in names),
                trainable_parameters=count,
                new=first.part == "head" or set(trained) <= trainables.new_parameters,
                gradient_share=sums["touched"] / count if count else None,
                gradient_norm=sqrt(sums["gradient"]) if count else None,
                update_size=sqrt(sums["change"] / sums["weight"]) if sums["weight"] else None,
                passes_through=("head" if first.part == "head" else first.depth) in passed,
                unreached=tuple(name for name in trained if parameters[name].grad is None),
            )
        )
    return tuple(flows)


def _rank(place: Place) -> tuple[int, int]:
    """From input to head; adapters after the part they hang on."""
    return place.depth, {"adapter": 1, "head": 2}.get(place.part, 0)


def part_name(place: Place, anatomy: Anatomy) -> str:
    """The part a parameter belongs to, as a user reads it."""
    above = place.depth > place.num_layers
    layer = f"layer {place.depth}"
    if anatomy.shared:
        layer = f"layers 1-{anatomy.layers_applied} (shared)"
    if place.part == "top":
        return f"top ({place.name.removeprefix(anatomy.prefix + '.').partition('.')[0]})"
    if place.part == "adapter":
        return f"adapters in {'the embeddings' if place.depth == 0 else 'top and head' if above else layer}"
    return layer if place.part == "layer" else place.part
