"""A comparison by several processes in which one of them fails by itself, each time at another place.

`python -m torch.distributed.run --nproc-per-node 2 failing_together.py MODEL DATA OUTPUT`
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import unfreeze
from unfreeze.experiments import build, work
from unfreeze.experiments.run import run
from unfreeze.strategies import Strategy
from unfreeze.tasks import TASKS
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.step import OptimizerStep

Classification = TASKS["classification"]
# strategy -> the process, what it calls when it fails, and how
FAILS: dict[str, tuple[str, Any, str, Exception]] = {
    "full": ("0", Checkpoints, "save_best", OSError(errno.ENOSPC, "No space left on device")),
    "head": ("1", Classification, "loss", ValueError("no such label")),
    "bitfit": ("1", Classification, "reduce", MemoryError("no room for a window")),
    "llrd": ("1", OptimizerStep, "_update", RuntimeError("a broken kernel")),
    "lora:r=2": ("1", build, "adapt", OSError("no such model here")),
}


def run_or_fail(strategy: Strategy, *arguments: Any, **more: Any) -> Any:
    process, owner, name, error = FAILS.get(str(strategy), ("none", None, "", None))
    failing = os.environ["RANK"] == process
    with patch.object(owner, name, side_effect=error) if failing else nullcontext():
        return run(strategy, *arguments, **more)


if __name__ == "__main__":
    model, data, output = sys.argv[1:]
    with patch.object(work, "run", run_or_fail):
        unfreeze.compare(
            model=model, data=data, output=output, strategy=[*FAILS, "freeze:last=1"], seeds=1, epochs=2, plan=False,
            max_length=32, per_device_train_batch_size=8, learning_rate=1e-3, speedups="unpad+compact",
            eval_tokens_per_batch=64,
        )  # fmt: skip
