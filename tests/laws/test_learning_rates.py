"""The rate of every weight at every step: schedule, times the strategy's multiplier, times its own warm-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch

from unfreeze.models.anatomy import Place
from unfreeze.strategies import Strategy
from unfreeze.training.result import Progress
from unfreeze.training.schedule import multiplier


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[dict[int, float]]:
    """At each step of any AdamW: the rate of each parameter that it moves, by id."""
    seen: list[dict[int, float]] = []
    step = torch.optim.AdamW.step

    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append({id(p): g["lr"] for g in self.param_groups for p in g["params"] if p.grad is not None})
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    return seen


@dataclass(frozen=True)
class LateLayers(Strategy):
    """The layers join in the second epoch, the embeddings never; the layers at half the rate."""

    name: ClassVar[str] = "late_layers"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part == "top" or (place.part == "layer" and epoch >= 1)

    def lr_scale(self, place: Place, epoch: int) -> float:
        return 0.5 if place.part == "layer" else 1.0


def rates_of(name: str, bench: Any, rates: list[dict[int, float]]) -> list[float | None]:
    return [step.get(id(bench.network.get_parameter(name))) for step in rates]


def test_a_group_warms_up_anew_where_it_starts(workbench: Callable[..., Any], rates: list[dict[int, float]]) -> None:
    bench = workbench(strategy=LateLayers(), epochs=3, warmup_steps=2, learning_rate=1e-3)
    bench.run()
    scheduled = [1e-3 * multiplier("linear", step, 9, 2) for step in range(9)]
    assert rates_of("classifier.weight", bench, rates) == pytest.approx(scheduled)
    late = [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    expected = [None, None, None, *(0.5 * s * w for s, w in zip(scheduled[3:], late, strict=True))]
    found = rates_of("bert.encoder.layer.0.output.dense.weight", bench, rates)
    assert found[:3] == expected[:3]
    assert found[3:] == pytest.approx(expected[3:])
    assert set(rates_of("bert.embeddings.LayerNorm.weight", bench, rates)) == {None}


def test_a_second_warmup_ends_within_its_epoch(workbench: Callable[..., Any], rates: list[dict[int, float]]) -> None:
    bench = workbench(strategy=LateLayers(), epochs=3, warmup_steps=100, learning_rate=1.0)
    bench.run()
    head = rates_of("classifier.weight", bench, rates)
    layer = rates_of("bert.encoder.layer.0.output.dense.weight", bench, rates)
    assert layer[6:] == pytest.approx([0.5 * rate for rate in head[6:] if rate is not None])


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
def test_the_loop_follows_the_schedule(workbench: Callable[..., Any], rates: list[dict[int, float]], kind: str) -> None:
    bench = workbench(epochs=4, max_steps=10, warmup_steps=0.25, lr_scheduler_type=kind, learning_rate=2e-3)
    result = bench.run()
    expected = [2e-3 * multiplier(kind, step, 10, 3) for step in range(10)]  # type: ignore[arg-type]
    assert result.state.step == 10
    for name in ("classifier.weight", "bert.embeddings.word_embeddings.weight"):
        assert rates_of(name, bench, rates) == pytest.approx(expected)


@dataclass(frozen=True)
class EarlyTop(Strategy):
    """What lies on top of the layers trains in the first epoch only, at three times the rate of all else."""

    name: ClassVar[str] = "early_top"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part == "layer" or (place.part == "top" and epoch == 0)

    def lr_scale(self, place: Place, epoch: int) -> float:
        return 3.0 if place.part == "top" else 1.0


@pytest.mark.parametrize("strategy", [LateLayers(), EarlyTop()])
def test_the_rate_that_is_told_is_the_highest_of_what_moves(
    workbench: Callable[..., Any], rates: list[dict[int, float]], strategy: Strategy
) -> None:
    bench = workbench(strategy=strategy, epochs=3, warmup_steps=2, learning_rate=1e-3)
    told: list[Progress] = []
    bench.trainer(on_progress=told.append).train(bench.train.encoded.features)
    steps = [one.learning_rate for one in told if one.metrics is None]
    assert steps == [max(step.values()) for step in rates] and len(steps) == 9
    # An evaluation has the rate of the step before it.
    evaluations = [(one.step, one.learning_rate) for one in told if one.metrics is not None]
    assert evaluations == [(step, steps[step - 1]) for step in (3, 6, 9)]
