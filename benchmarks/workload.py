"""What both sides of `against_stock.py` train: one model, data set and strategy."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

WARM_UP_STEPS = 10  # not timed, where only some steps are
PEAK_SIZE = 2048  # of the square matrices whose product says what the machine can do


@dataclass(frozen=True)
class Workload:
    """One line of the table."""

    title: str
    model: str  # `minilm`, a folder, or a shape of `shapes.py` with random weights
    strategy: str  # as unfreeze writes it; the stock side knows full, lora, head, and freeze:first=4
    learning_rate: float
    epochs: int
    data: str
    train_samples: int | None
    eval_samples: int | None
    max_steps: int | None  # for models too large for a whole epoch here
    device: str
    batch_size: int

    def on_command_line(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Measured:
    """What one side measured; seconds, bytes."""

    side: str
    seconds: float  # everything: reading, tokenising, training, evaluating, testing, saving
    setup_seconds: float  # up to the first step
    epoch_seconds: float | None  # of optimisation, the first whole epoch
    step_seconds: float  # the mean after the warm-up steps
    evaluate_seconds: float | None  # one pass over validation
    epochs: int  # that were trained
    flops_per_second: float | None  # of the operations that the tokens need, padding not counted, while training
    score: float | None  # macro F1 on the test set
    peak_bytes: int
    peak_flops: float  # of a large product in the arithmetic of this side

    def print(self) -> None:
        print("\n" + json.dumps(asdict(self)))


def machine() -> str:
    """What it was measured on: ratios differ between processors, as products in bf16 gain more on some."""
    import platform

    import torch

    facts: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        pairs = (line.split(":", 1) for line in cpuinfo.read_text(encoding="utf-8").splitlines() if ":" in line)
        facts = {name.strip(): value.strip() for name, value in pairs}
    named = facts.get("model name", platform.processor() or platform.machine())
    kind = ", ".join(
        f"{name} {facts[key]}" for name, key in (("family", "cpu family"), ("model", "model")) if key in facts
    )
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{named}{f' ({kind})' if kind else ''}, {os.cpu_count()} cores{gpu}, torch {torch.__version__}"


def read_workload() -> Workload:
    return Workload(**json.loads(sys.argv[1]))


def model_folder(workload: Workload, folder: Path) -> str:
    """`minilm`, a folder that is there, or one with random weights of that shape."""
    if Path(workload.model).is_dir():
        return workload.model
    if workload.model == "minilm":
        from unfreeze.models.bundled import minilm_folder

        return str(minilm_folder())
    from shapes import make

    return str(make(workload.model, folder / workload.model))


def peak_flops(dtype: str, device: str) -> float:
    """Floating-point operations per second of a large matrix product, the best of some."""
    import torch

    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device).to(getattr(torch, dtype)) for _ in range(2))
    best = float("inf")
    for _ in range(8):
        _wait(device)
        begin = time.perf_counter()
        torch.mm(left, right)
        _wait(device)
        best = min(best, time.perf_counter() - begin)
    return 2 * PEAK_SIZE**3 / best


def peak_bytes(device: str) -> int:
    """Of this process; on a GPU of what torch took of its memory."""
    import resource

    import torch

    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return torch.cuda.max_memory_allocated()


def step_seconds(stamps: list[float]) -> float:
    """The mean time between two ends of steps in a row, after the warm-up."""
    timed = stamps[WARM_UP_STEPS:] if len(stamps) > 2 * WARM_UP_STEPS else stamps
    return (timed[-1] - timed[0]) / (len(timed) - 1)


def _wait(device: str) -> None:
    import torch

    if device != "cpu":
        torch.cuda.synchronize()
