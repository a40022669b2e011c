"""A head that trains by itself gets the gradients that autograd gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.features import Batch
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.tasks import Classification
from unfreeze.training.criterion import Criterion


def run(workbench: Callable[..., Any], folder: Path, task: str, strategy: str = "head", **options: Any) -> Any:
    bench = workbench("bert", task, strategy, speedups=Speedups(cache=FeatureFiles(folder)), epochs=3, **options)
    features = bench.train.encoded.features
    bench.used = bench.trainer()
    bench.result = bench.used.train(features)
    return bench


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("task", ["classification", "multi-label", "regression"])
def test_the_short_way_is_the_long_one(
    workbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, accumulation: int
) -> None:
    """With dropout; apart from the pooler, which is computed for more rows at a time."""
    short = run(workbench, tmp_path, task, gradient_accumulation_steps=accumulation)
    assert short.used.head is not None
    monkeypatch.setattr(Speedups, "head_step", lambda *args: None)
    long = run(workbench, tmp_path, task, gradient_accumulation_steps=accumulation)
    assert long.used.head is None
    assert short.losses == pytest.approx(long.losses, abs=1e-6)
    assert len(set(short.losses)) > 1
    for (name, mine), theirs in zip(short.network.named_parameters(), long.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    ("task", "strategy"), [("tagging", "head"), ("classification", "head+bitfit"), ("question-answering", "head")]
)
def test_more_than_one_linear_layer_takes_the_long_way(
    workbench: Callable[..., Any], tmp_path: Path, task: str, strategy: str
) -> None:
    assert run(workbench, tmp_path, task, strategy).used.head is None


def test_windows_that_count_less_take_the_long_way(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench("bert", "classification", "head", speedups=Speedups(cache=FeatureFiles(tmp_path)), epochs=2)
    trainer = bench.trainer()
    trainer.train(tuple(replace(one, weight=0.5) for one in bench.train.encoded.features))
    assert trainer.head is None


def test_without_room_the_cache_is_read(
    workbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("unfreeze.acceleration.head_step.scratch_array", full)
    bench = run(workbench, tmp_path, "classification")
    assert bench.used.head is None and bench.used.prefix is not None


@dataclass(frozen=True)
class Nosy(Classification):
    """A task of a user's own that looks at more than logits and labels."""

    looks_at: str = "inputs"

    def loss(self, outputs: Any, batch: Batch, label_weights: torch.Tensor | None = None) -> Any:
        total, units = super().loss(outputs, batch, label_weights)
        if self.looks_at == "inputs":
            return total * batch.inputs["input_ids"].shape[1], units
        return total * sum(map(len, batch.features)), units


@pytest.mark.parametrize("looks_at", ["inputs", "features"])
def test_a_loss_that_reads_more_gets_more(workbench: Callable[..., Any], tmp_path: Path, looks_at: str) -> None:
    bench = workbench("bert", "classification", "head", speedups=Speedups(cache=FeatureFiles(tmp_path)), epochs=2)
    trainer = bench.trainer(criterion=Criterion(Nosy(looks_at=looks_at)))
    trainer.train(bench.train.encoded.features)
    assert trainer.head is None and trainer.prefix is not None


def test_cached_layers_count_once(workbench: Callable[..., Any], tmp_path: Path) -> None:
    """In the operations of a run, whether it made the cache or found it."""
    speedups = Speedups(cache=FeatureFiles(tmp_path))
    runs = []
    for one in (Speedups(), speedups, speedups):
        bench = workbench("bert", "classification", "head", speedups=one, epochs=3)
        runs.append(bench.run().state.flops)
    plain, made, found = runs
    assert made == found
    assert 0.9 * plain / 3 < made < 1.2 * plain / 3
