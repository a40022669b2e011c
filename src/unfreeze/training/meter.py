"""What a run costs: seconds by activity, tokens, and peak memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stopwatch:
    """Adds up the seconds spent in each activity."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, activity: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[activity] = self.seconds.get(activity, 0.0) + time.perf_counter() - begin

    def total(self, activity: str) -> float:
        return self.seconds.get(activity, 0.0)


def reset_peak_memory(device: str) -> None:
    """Start a new peak of a GPU. That of a process cannot start anew: memory that was freed may stay with it."""
    import torch

    torch.cuda.reset_peak_memory_stats(device)


def peak_memory_bytes(device: str) -> int | None:
    """The peak since the reset; on a CPU that of the process since it began, None where the system does not tell."""
    if device != "cpu":
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
