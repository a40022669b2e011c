"""A strategy of your own: train only the lowest and the highest layer, and the head."""

import sys
from dataclasses import dataclass
from typing import ClassVar

import unfreeze


@dataclass(frozen=True)
class Ends(unfreeze.Strategy):
    """The layers at both ends train, and the head."""

    name: ClassVar[str] = "ends"
    learning_rate: float = 1e-4

    def trains(self, place, epoch):
        return place.depth in (1, place.num_layers) or place.part == "head"


if __name__ == "__main__":
    model = sys.argv[1] if len(sys.argv) > 1 else "minilm"
    output = sys.argv[2] if len(sys.argv) > 2 else "unfreeze-own-strategy"
    comparison = unfreeze.compare(
        model=model, data="sample:emotion", strategy=[Ends(), "head"], seeds=1, epochs=1, output=output
    )
    for record in comparison.records:
        print(f"{record.strategy}: {record.trains}")
