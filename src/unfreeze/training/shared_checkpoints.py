"""The states of a run that several processes make together: the first one writes and reads, the others are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unfreeze.acceleration.ranks import ALONE, Ranks
from unfreeze.training.checkpoint import Checkpoints, Saved
from unfreeze.training.parameters import Trainables
from unfreeze.training.run_state import RunState

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class SharedSaved(Saved):
    """A state on the first process's disk."""

    ranks: Ranks = ALONE

    def restore(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put weights and moments back in all processes."""
        import torch

        if self.ranks.leads:
            super().restore(network, optimizer)
        parameters = dict(network.named_parameters())
        kinds = self.ranks.from_leader({name: [*optimizer.state.get(one, ())] for name, one in parameters.items()})
        for name, there in kinds.items():
            parameter = parameters[name]
            for kind in () if self.ranks.leads else there:
                scalar = torch.zeros((), dtype=torch.float32, device=parameter.device)
                optimizer.state[parameter][kind] = scalar if kind == "step" else torch.zeros_like(parameter)
        moments = [optimizer.state[parameters[name]][kind] for name, there in kinds.items() for kind in there]
        self.ranks.take_over([*parameters.values(), *moments])


@dataclass
class SharedCheckpoints(Checkpoints):
    """See `Checkpoints`; what is written, the first process writes, and what is read, all of them get."""

    ranks: Ranks = ALONE

    def due(self, step: int, size: int) -> bool:
        return self.ranks.leads and super().due(step, size)

    def save(
        self, state: RunState, network: nn.Module, trainables: Trainables, optimizer: torch.optim.Optimizer
    ) -> None:
        if self.ranks.leads:
            super().save(state, network, trainables, optimizer)

    def newest(self) -> tuple[Saved | None, list[str]]:
        saved, told = self.ranks.from_leader(super().newest() if self.ranks.leads else None)
        return None if saved is None else SharedSaved(saved.path, saved.state, self.ranks), told

    def has(self, step: int) -> bool:
        return not self.ranks.leads or super().has(step)

    def save_best(self, step: int, network: nn.Module, trainables: Trainables) -> None:
        if self.ranks.leads:
            super().save_best(step, network, trainables)

    def load_best(self, step: int, network: nn.Module) -> None:
        if self.ranks.leads:
            super().load_best(step, network)
        self.ranks.take_over([*network.parameters()])

    def forget_what_is_not_whole(self) -> None:
        if self.ranks.leads:
            super().forget_what_is_not_whole()

    def forget(self) -> None:
        if self.ranks.leads:
            super().forget()


def checkpoints_in(folder: Path, every: int | None, ranks: Ranks) -> Checkpoints:
    """The states of a run in one folder, which lies where the first process writes."""
    return Checkpoints(folder, every) if ranks.alone else SharedCheckpoints(folder, every, ranks)
