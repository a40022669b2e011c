"""A strategy of your own: train only the biases and the head (BitFit, Ben Zaken et al. 2022)."""

import sys
from dataclasses import dataclass
from typing import ClassVar

import unfreeze


@dataclass(frozen=True)
class BitFit(unfreeze.Strategy):
    """Only biases and the head train."""

    name: ClassVar[str] = "bitfit"
    learning_rate: float = 1e-3

    def trains(self, place, epoch):
        return place.part == "head" or place.name.endswith("bias")


if __name__ == "__main__":
    model = sys.argv[1] if len(sys.argv) > 1 else "minilm"
    output = sys.argv[2] if len(sys.argv) > 2 else "unfreeze-own-strategy"
    comparison = unfreeze.compare(
        model=model, data="sample:emotion", strategy=[BitFit(), "head"], seeds=1, epochs=1, output=output
    )
    for record in comparison.records:
        print(f"{record.strategy}: {record.trains}")
