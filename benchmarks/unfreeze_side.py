"""One training by unfreeze, as `unfreeze.compare` makes it: reading, training, testing, saving, report."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from workload import Measured, model_folder, peak_bytes, peak_flops, read_workload, step_seconds

import unfreeze
from unfreeze.experiments.listener import Listener


class Clock(Listener):
    """Notes when each step of the first epoch ended."""

    def __init__(self) -> None:
        self.stamps: list[float] = []
        self.begun = 0.0

    def run_started(self, *_: Any) -> None:
        self.begun = self.begun or time.perf_counter()

    def progressed(self, cell: Any, progress: Any) -> None:
        if progress.epoch <= 1 and progress.metrics is None:
            self.stamps.append(time.perf_counter())


def main() -> None:
    workload = read_workload()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNFREEZE_CACHE"] = str(Path(folder) / "cache")  # what another round cached is not found
        model = model_folder(workload, Path(folder))
        import torch  # noqa: F401  the clock starts after the imports, on both sides

        begin = time.perf_counter()
        done = unfreeze.compare(
            model=model,
            data=workload.data,
            task="classification",
            strategy=[workload.strategy],
            learning_rate=workload.learning_rate,
            epochs=workload.epochs,
            max_steps=workload.max_steps,
            per_device_train_batch_size=workload.batch_size,
            max_train_samples=workload.train_samples,
            max_eval_samples=workload.eval_samples,
            early_stopping_patience=None,
            seeds=1,
            plan=False,
            output=Path(folder) / "out",
            listener=clock,
        )
        seconds = time.perf_counter() - begin
    [record] = done.records
    epochs = max(1, record.epochs_run or 1)
    peak = peak_bytes(workload.device)
    Measured(
        side="unfreeze",
        seconds=seconds,
        setup_seconds=clock.begun - begin,
        epoch_seconds=record.history[0]["train_seconds"] if workload.max_steps is None else None,
        step_seconds=step_seconds(clock.stamps),
        evaluate_seconds=(record.evaluate_seconds or 0) / len(record.history),
        epochs=epochs,
        flops_per_second=(record.flops or 0) / (record.train_seconds or 1),
        score=record.test.get("macro_f1"),
        peak_bytes=peak,
        peak_flops=peak_flops("bfloat16" if record.precision == "bf16" else "float32", workload.device),
    ).print()


if __name__ == "__main__":
    main()
