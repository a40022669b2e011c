"""How long training steps take, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Variant:
    """One way to train: `prepare` sets the network up and is not timed, `step` is."""

    prepare: Callable[[], None]
    step: Callable[[], object]


def step_seconds(variants: Sequence[Variant], repeats: int, *, device: str = "cpu") -> list[float]:
    """The median seconds of a step of each variant.

    They take turns, so that whatever else the machine does meets all of them; a first turn warms up and is not counted.
    """
    seconds: list[list[float]] = [[] for _ in variants]
    for turn in range(repeats + 1):
        for variant, measured in zip(variants, seconds, strict=True):
            variant.prepare()
            _wait_for(device)
            begin = time.perf_counter()
            variant.step()
            _wait_for(device)
            if turn > 0:
                measured.append(time.perf_counter() - begin)
    return [median(measured) for measured in seconds]


def _wait_for(device: str) -> None:
    if device != "cpu":
        import torch

        torch.cuda.synchronize(device)
