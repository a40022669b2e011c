"""The operations of one run: of its steps, and of the frozen layers that it does not compute in every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.training.criterion import Criterion
from unfreeze.training.flops import StepCost, step_cost
from unfreeze.training.parameters import Trainables
from unfreeze.training.timetable import Timetable

if TYPE_CHECKING:
    from torch import nn


@dataclass
class RunCosts:
    """Of a network of which so many of the lowest layers come from the cache."""

    network: nn.Module
    trainables: Trainables
    collator: Collator
    criterion: Criterion
    known_layers: int
    _known: dict[tuple[bool, ...], StepCost] = field(default_factory=dict, init=False)

    def of_steps(self, window: Features) -> StepCost:
        """Of the network in steps that train what trains now; of the epochs that train the same, one is measured."""
        trained = tuple(parameter.requires_grad for parameter in self.network.parameters())
        if trained not in self._known:
            self._known[trained] = step_cost(
                self.network, self.trainables.anatomy, self.collator([window]), self.known_layers
            )
        return self._known[trained]

    def of_step(self, cost: StepCost, tokens: Sequence[int]) -> float:
        """Of one such step on windows of so many tokens, with what the loss computes beside the network."""
        return cost.of(tokens) + self.criterion.operations(tokens)

    def of_cache(self, window: Features, lengths: Sequence[int]) -> float:
        """Of the frozen layers for each window once, also where another run made them."""
        if not self.known_layers:
            return 0.0
        batch = self.collator([window])
        whole, above = (
            step_cost(self.network, self.trainables.anatomy, batch, known) for known in (0, self.known_layers)
        )
        return sum(whole.parts([one]).forward - above.parts([one]).forward for one in lengths)

    def of_run(self, window: Features, lengths: Sequence[int], timetable: Timetable) -> float:
        """Of the steps of a run that nothing stops early, over windows of these lengths; what trains in the network
        is that of the last epoch afterwards."""
        left, total = timetable.total_steps, 0.0
        epoch = 0
        while left:
            self.trainables.apply(self.network, epoch)
            cost = self.of_steps(window)
            batches = timetable.batches(lengths, epoch)[:left]
            total += sum(self.of_step(cost, [lengths[i] for i in batch]) for batch in batches)
            left, epoch = left - len(batches), epoch + 1
        return total
