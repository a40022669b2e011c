"""Full fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from unfreeze.strategies.strategy import Strategy


@dataclass(frozen=True)
class Full(Strategy):
    """Every weight trains.

    Use it as the reference that the other strategies are measured against, and with data enough to move every weight.
    Not when memory, time or disk is short: every run leaves a whole model.
    Cost: the backward pass runs through the whole network; gradients and optimizer state take three times the weights.
    Source: Devlin et al. 2019, section 4.
    """

    name: ClassVar[str] = "full"
    learning_rate: Annotated[float, "peak learning rate"] = 2e-4
