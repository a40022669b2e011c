"""Windows for which the frozen layers of a training need not run: what they give is known."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from unfreeze.batching.features import Features

if TYPE_CHECKING:
    import torch

    from unfreeze.acceleration.prefix_cache import PrefixCache
    from unfreeze.training.loop import Trainer


def knowing(
    trainer: Trainer, splits: Sequence[Sequence[Features]], *, make: bool, others: Sequence[int] = ()
) -> AbstractContextManager[PrefixCache | None]:
    """Inside, the layers that are frozen all the time do not run for these windows.

    Args:
        make: compute what no run has computed before.
        others: before training, so many frozen layers of other runs, which are filled in the same pass.
    """
    network, trainables = trainer.network, trainer.trainables
    fixed = trainer.criterion.task.static_inputs and not trainer.options.frozen_dropout
    depth = trainables.frozen_layers(network) if fixed else 0
    places = {name: trainables.anatomy.locate(name) for name, _ in network.named_parameters()}

    def weights(layers: int) -> dict[str, torch.Tensor]:
        return {name: one for name, one in network.named_parameters() if places[name].depth <= layers}

    lowest_adapter = min((place.depth for place in places.values() if place.part == "adapter"), default=None)
    same = [one for one in others if lowest_adapter is None or one < lowest_adapter]  # as the layers of other runs
    return trainer.speedups.prefix(
        network, depth, weights, splits, trainer.collator, make=make, others=same,
        told=trainer.result.state.notes.append, between=trainer.between,
    )  # fmt: skip
