"""Full fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from unfreeze.strategies.strategy import Strategy


@dataclass(frozen=True)
class Full(Strategy):
    """Every weight trains (Devlin et al. 2019, section 4).

    The quality reference. Not when memory or time is short: it pays for every gradient of the network.
    """

    name: ClassVar[str] = "full"
    learning_rate: Annotated[float, "peak learning rate"] = 1e-4
