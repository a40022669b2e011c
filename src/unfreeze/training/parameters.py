"""What trains when: a strategy's answers turned into flags, modes and optimizer groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unfreeze.models.anatomy import Anatomy
from unfreeze.strategies.strategy import Strategy, check_what_must_train

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Trainables:
    """Which parameters of a network train in which epoch, as a strategy wants it.

    The head always trains, and so does what the loader had to initialise anew: frozen it would stay random.
    """

    strategy: Strategy
    anatomy: Anatomy
    new_parameters: frozenset[str]
    epochs: int

    def __post_init__(self) -> None:
        check_what_must_train(self.strategy, self.anatomy, self.epochs)

    def trains(self, name: str, epoch: int) -> bool:
        """Does the parameter of this name train in this epoch? Beyond the last one it stays as it is there."""
        place = self.anatomy.locate(name)
        if place.part == "head" or name.replace(".base_layer.", ".") in self.new_parameters:
            return True
        return self.strategy.trains(place, min(epoch, self.epochs - 1))

    def ever_trains(self, name: str) -> bool:
        """Does it train in any epoch?"""
        return any(self.trains(name, epoch) for epoch in range(self.epochs))

    def apply(self, network: nn.Module, epoch: int) -> None:
        """Set `requires_grad` for an epoch and drop gradients of what no longer trains."""
        for name, parameter in network.named_parameters():
            trains = self.trains(name, epoch)
            parameter.requires_grad_(trains)
            if not trains:
                parameter.grad = None

    def entry(self, network: nn.Module, epoch: int) -> int:
        """The lowest depth at which something trains; all below is the frozen prefix."""
        depths = [self.anatomy.locate(name).depth for name, _ in network.named_parameters() if self.trains(name, epoch)]
        return min(depths)

    def frozen_layers(self, network: nn.Module) -> int:
        """How many of the lowest layers train in no epoch, and nothing under them does."""
        entry = min(self.entry(network, epoch) for epoch in range(self.epochs))
        return max(0, min(entry - 1, self.anatomy.layers_applied))

    def set_modes(self, network: nn.Module, epoch: int, *, frozen_dropout: bool) -> None:
        """Train mode, but for the frozen prefix: it computes the same in every epoch, so it can be cached."""
        network.train()
        if frozen_dropout:
            return
        entry = self.entry(network, epoch)
        for name, module in network.named_modules():
            inside = name.startswith(self.anatomy.prefix + ".")
            holds_layers = any(layer.startswith(name + ".") for layer in self.anatomy.layer_prefixes)
            # Modules with children too: attention draws its dropout by its own mode, not by a child's.
            if inside and not holds_layers and self.anatomy.depth_of(name) < entry:
                module.training = False

    def count(self, network: nn.Module) -> tuple[int, int]:
        """(parameters that train in any epoch, all parameters)."""
        sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
        return sum(size for name, size in sizes.items() if self.ever_trains(name)), sum(sizes.values())

    def describe(self, network: nn.Module) -> str:
        """What trains, in words: `embeddings, layers 4-6 of 6, pooler or norm, head: x of y parameters (z %)`."""
        names = [name for name, _ in network.named_parameters() if self.ever_trains(name)]
        places = [self.anatomy.locate(name) for name in names]
        parts = []
        if any(place.part == "embeddings" for place in places):
            parts.append("embeddings")
        layers = sorted({place.depth for place in places if place.part == "layer"})
        if layers:
            shared = f" (one set of weights for {self.anatomy.layers_applied} layers)" if self.anatomy.shared else ""
            parts.append(f"{_layers(layers)} of {self.anatomy.num_layers}{shared}")
        if any(place.part == "adapter" for place in places):
            depths = sorted({place.depth for place in places if place.part == "adapter"})
            parts.append(f"adapters in {_layers(depths)}")
        if any(place.part == "top" for place in places):
            parts.append("the layer on top (pooler or norm)")
        parts.append("the head")
        trained, total = self.count(network)
        return f"{', '.join(parts)}: {trained:,} of {total:,} parameters ({100 * trained / total:.2f} %)"


def _layers(numbers: list[int]) -> str:
    return f"layer {numbers[0]}" if len(numbers) == 1 else f"layers {_ranges(numbers)}"


def _ranges(numbers: list[int]) -> str:
    """`[1, 2, 3, 5]` as `1-3, 5`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)


@dataclass(frozen=True)
class GroupKey:
    """Parameters that share these share an optimizer group."""

    decays: bool
    first_epoch: int  # the group warms up anew in the first epoch in which it trains
    scales: tuple[float, ...]  # multiplier on the learning rate in each epoch


def parameter_groups(network: nn.Module, trainables: Trainables, weight_decay: float) -> list[dict[str, Any]]:
    """Optimizer groups over everything that trains in any epoch.

    Biases and norms (all vectors, and tables that are called a bias) are not decayed, as in the stock Trainer.
    """
    groups: dict[GroupKey, list[nn.Parameter]] = {}
    epochs = range(trainables.epochs)
    for name, parameter in network.named_parameters():
        active = [epoch for epoch in epochs if trainables.trains(name, epoch)]
        if active:
            place = trainables.anatomy.locate(name)
            scales = tuple(trainables.strategy.lr_scale(place, epoch) for epoch in epochs)
            decays = parameter.ndim > 1 and "bias" not in name
            groups.setdefault(GroupKey(decays, active[0], scales), []).append(parameter)
    return [
        {"params": members, "weight_decay": weight_decay if key.decays else 0.0, "key": key}
        for key, members in groups.items()
    ]


def trained_state(network: nn.Module, trainables: Trainables) -> Mapping[str, Any]:
    """The parameters that training may have changed, by name."""
    return {name: p.detach() for name, p in network.named_parameters() if trainables.ever_trains(name)}
