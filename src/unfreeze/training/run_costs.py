"""The operations of one run: of its steps, and of the frozen layers that it does not compute in every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.models.anatomy import Anatomy
from unfreeze.training.flops import StepCost, step_cost

if TYPE_CHECKING:
    from torch import nn


@dataclass
class RunCosts:
    """Of a network of which so many of the lowest layers come from the cache."""

    network: nn.Module
    anatomy: Anatomy
    collator: Collator
    known_layers: int
    _known: dict[tuple[bool, ...], StepCost] = field(default_factory=dict, init=False)

    def of_steps(self, window: Features) -> StepCost:
        """Of steps that train what trains now; of the epochs that train the same, one is measured."""
        trained = tuple(parameter.requires_grad for parameter in self.network.parameters())
        if trained not in self._known:
            self._known[trained] = step_cost(self.network, self.anatomy, self.collator([window]), self.known_layers)
        return self._known[trained]

    def of_cache(self, window: Features, lengths: Sequence[int]) -> float:
        """Of the frozen layers for each window once, also where another run made them."""
        if not self.known_layers:
            return 0.0
        batch = self.collator([window])
        whole, above = (step_cost(self.network, self.anatomy, batch, known) for known in (0, self.known_layers))
        return sum(whole.parts([one]).forward - above.parts([one]).forward for one in lengths)
