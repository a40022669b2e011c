"""Runs in processes of their own give the results of runs in this one, and survive each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.training.result import Progress

RunComparison = Callable[..., Comparison]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_same_results_in_any_process(run_comparison: RunComparison, tmp_path: Path, jobs: int) -> None:
    progress: list[Any] = []

    class Ear(Listener):
        def progressed(self, cell: Any, step: Progress) -> None:
            progress.append((cell.seed, step.step))

    here = run_comparison(tmp_path / "here", strategy=["full", "lora:r=2"])
    there = run_comparison(tmp_path / "there", strategy=["full", "lora:r=2"], jobs=jobs, listener=Ear())
    for one, other in zip(here.records, there.records, strict=True):
        assert (one.strategy, one.validation, one.test, one.model) == (
            other.strategy,
            other.validation,
            other.test,
            other.model,
        )
        if not torch.cuda.is_available():  # of a process with other runs in it nothing can be told
            assert one.peak_memory_bytes is None
        assert other.peak_memory_bytes is not None and other.peak_memory_bytes > 100e6
        assert (one.runs_at_once, other.runs_at_once) == (1, jobs)
    assert progress
    assert here.recommended == there.recommended
