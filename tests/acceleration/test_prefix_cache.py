"""Training on the known outputs of frozen layers is training on those layers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.acceleration.fast_layers import fast_layers
from unfreeze.acceleration.speedups import Speedups
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.training.frozen_outputs import knowing

FUSED = ("bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert")
FROZEN_STRATEGIES = ["head", "head:pooling=mean", "freeze:first=1", "lora:top=1", "reinit:top=1+freeze:first=1"]


def run(workbench: Callable[..., Any], folder: Path | None, *args: Any, **options: Any) -> Any:
    speedups = Speedups(cache=None if folder is None else FeatureFiles(folder))
    bench = workbench(*args, speedups=speedups, epochs=3, **options)
    trainer = bench.trainer(evaluated=bench.validation.encoded.features)
    bench.result = trainer.train(bench.train.encoded.features)
    bench.prefix = trainer.prefix
    return bench


def same(one: Any, other: Any) -> None:
    assert [entry["validation"] for entry in one.result.state.history] == [
        pytest.approx(entry["validation"], abs=1e-5) for entry in other.result.state.history
    ]
    for (name, mine), theirs in zip(one.network.named_parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("strategy", FROZEN_STRATEGIES)
def test_a_run_is_the_same(workbench: Callable[..., Any], tmp_path: Path, family: str, strategy: str) -> None:
    """With dropout where it trains: the layers above draw the same numbers."""
    if family == "albert" and not strategy.startswith("head"):
        pytest.skip("its layers share one set of weights")
    plain = run(workbench, None, family, "classification", strategy)
    known = run(workbench, tmp_path, family, "classification", strategy)
    assert len(list(tmp_path.glob("*.rows"))) == (2 if family in FUSED else 0)
    same(known, plain)


@pytest.mark.parametrize("freezing", ["freeze:first=1", "head"])
def test_every_task(workbench: Callable[..., Any], tmp_path: Path, task_name: str, freezing: str) -> None:
    plain = run(workbench, None, "bert", task_name, freezing)
    known = run(workbench, tmp_path, "bert", task_name, freezing)
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


def test_one_pass_fills_the_depths_of_other_runs(workbench: Callable[..., Any], tmp_path: Path) -> None:
    """A table made on the way to a deeper one is the one that its own run would make; adapters hide what lies above."""
    files = Speedups(cache=FeatureFiles(tmp_path / "shared"))
    deep = workbench("bert", "classification", "head", speedups=files, epochs=3)
    deep.trainer(cache_depths=(1, 2), evaluated=deep.validation.encoded.features).train(deep.train.encoded.features)
    assert len(list((tmp_path / "shared").glob("*.rows"))) == 4
    known = run(workbench, tmp_path / "shared", "bert", "classification", "freeze:first=1")
    own = run(workbench, tmp_path / "own", "bert", "classification", "freeze:first=1")
    assert known.prefix.was_found and not own.prefix.was_found
    made = {file.name: file.read_bytes() for file in (tmp_path / "shared").glob("*.rows")}
    assert all(made[file.name] == file.read_bytes() for file in (tmp_path / "own").glob("*.rows"))
    same(known, own)


def test_a_run_that_found_the_cache_is_timed_as_if_it_had_filled_it(
    workbench: Callable[..., Any], tmp_path: Path
) -> None:
    filled = run(workbench, tmp_path, "bert", "classification", "head")
    assert 0 < filled.prefix.seconds < filled.result.cache_seconds
    for about in tmp_path.glob("*.json"):  # that of training and that of validation
        about.write_text(json.dumps(json.loads(about.read_text()) | {"seconds": 500.0}))
    result = run(workbench, tmp_path, "bert", "classification", "head", seed=7).result
    assert result.state.cache_fill_seconds == 1000.0 and result.cache_seconds < 500
    assert result.fit_seconds == result.train_seconds + result.evaluate_seconds + 1000.0
    assert result.state.history[0]["seconds"] > 1000.0
    assert result.state.history[-1]["seconds"] == pytest.approx(result.fit_seconds, abs=0.002)
    assert 1000.0 < result.state.seconds_to_best <= result.fit_seconds


def test_a_table_made_on_the_way_is_timed_with_its_share(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench("bert", "classification", "head", speedups=Speedups(cache=FeatureFiles(tmp_path)), epochs=3)
    bench.trainer(cache_depths=(1, 2)).train(bench.train.encoded.features)
    half, whole = sorted(json.loads(about.read_text())["seconds"] for about in tmp_path.glob("*.json"))
    assert 0 < half <= whole / 2 + 0.001  # of two layers; the deeper one is written last


def test_with_adapters_above_only_what_lies_below_them_is_filled(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench("bert", "classification", "lora:top=1", speedups=Speedups(cache=FeatureFiles(tmp_path)), epochs=3)
    bench.trainer(cache_depths=(1, 2)).train(bench.train.encoded.features)
    assert len(list(tmp_path.glob("*.rows"))) == 1


def test_what_is_tested_is_known_to_the_next_run(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench("bert", "classification", "head", speedups=Speedups(cache=FeatureFiles(tmp_path)), epochs=3)
    trainer = bench.trainer()
    trainer.train(bench.train.encoded.features)
    plain = bench.evaluate(bench.network).metrics
    for found in (False, True):
        with knowing(trainer, [bench.validation.encoded.features], make=True) as known:
            assert known is not None and known.was_found == found
            assert bench.evaluate(bench.network).metrics == pytest.approx(plain, abs=1e-5)


def test_where_nothing_can_be_written_a_run_goes_on(workbench: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = run(workbench, tmp_path / "file", "bert", "classification", "head")
    assert bench.prefix is None and bench.result.state.notes[0].startswith("outputs of frozen layers are not kept: ")
