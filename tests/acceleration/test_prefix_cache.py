"""Training on the known outputs of frozen layers is training on those layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.acceleration.fast_layers import fast_layers
from unfreeze.acceleration.speedups import Speedups
from unfreeze.storage.feature_files import FeatureFiles

FUSED = ("bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert")
FROZEN_STRATEGIES = ["head", "freeze:first=1", "lora:top=1", "reinit:top=1+freeze:first=1"]


def run(workbench: Callable[..., Any], folder: Path | None, *args: Any, **options: Any) -> Any:
    speedups = Speedups(cache=None if folder is None else FeatureFiles(folder))
    bench = workbench(*args, speedups=speedups, epochs=3, **options)
    trainer = bench.trainer(evaluated=bench.validation.encoded.features)
    bench.result = trainer.train(bench.train.encoded.features)
    return bench


def same(one: Any, other: Any) -> None:
    assert [entry["validation"] for entry in one.result.history] == [
        pytest.approx(entry["validation"], abs=1e-5) for entry in other.result.history
    ]
    for (name, mine), theirs in zip(one.network.named_parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("strategy", FROZEN_STRATEGIES)
def test_a_run_is_the_same(workbench: Callable[..., Any], tmp_path: Path, family: str, strategy: str) -> None:
    """With dropout where it trains: the layers above draw the same numbers."""
    if family == "albert" and strategy != "head":
        pytest.skip("its layers share one set of weights")
    plain = run(workbench, None, family, "classification", strategy)
    known = run(workbench, tmp_path, family, "classification", strategy)
    assert len(list(tmp_path.glob("*.rows"))) == (2 if family in FUSED else 0)
    same(known, plain)


def test_every_task(workbench: Callable[..., Any], tmp_path: Path, task_name: str) -> None:
    plain = run(workbench, None, "bert", task_name, "freeze:first=1")
    known = run(workbench, tmp_path, "bert", task_name, "freeze:first=1")
    assert bool(list(tmp_path.glob("*.rows"))) == known.task.static_inputs
    same(known, plain)


@pytest.mark.parametrize("strategy", ["full", "lora", "bitfit", "gradual"])
def test_where_everything_trains_sometime_nothing_is_kept(
    workbench: Callable[..., Any], tmp_path: Path, strategy: str
) -> None:
    run(workbench, tmp_path, "bert", "classification", strategy)
    assert not list(tmp_path.glob("*.rows"))


def test_another_seed_and_rate_find_what_is_there(workbench: Callable[..., Any], tmp_path: Path) -> None:
    run(workbench, tmp_path, "bert", "classification", "freeze:first=1")
    before = {file: file.read_bytes() for file in tmp_path.glob("*.rows")}
    run(workbench, tmp_path, "bert", "classification", "freeze:first=1", seed=7, learning_rate=1e-2)
    assert {file: file.read_bytes() for file in tmp_path.glob("*.rows")} == before
    run(workbench, tmp_path, "bert", "classification", "head")  # of two layers
    assert len(list(tmp_path.glob("*.rows"))) == 4


def test_other_weights_do_not_find_it(workbench: Callable[..., Any], tmp_path: Path) -> None:
    run(workbench, tmp_path, "bert", "classification", "freeze:first=1")
    bench = workbench("bert", "classification", "freeze:first=1", speedups=Speedups(cache=FeatureFiles(tmp_path)))
    with torch.no_grad():
        bench.network.bert.encoder.layer[0].output.dense.bias.add_(0.1)
    bench.trainer(evaluated=bench.validation.encoded.features).train(bench.train.encoded.features)
    assert len(list(tmp_path.glob("*.rows"))) == 4


def test_afterwards_the_network_computes_by_itself(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = run(workbench, tmp_path, "bert", "classification", "head")
    assert fast_layers(bench.network).prefix is None
    batch = bench.collator(bench.train.encoded.features[:4])
    with torch.no_grad():
        before = bench.evaluator.speedups.forward(bench.network.eval(), batch).logits
        bench.network.bert.encoder.layer[0].output.dense.bias.add_(1.0)
        assert not torch.equal(bench.evaluator.speedups.forward(bench.network, batch).logits, before)
