"""A strategy's answers as flags, modes, optimizer groups and saved weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch

from unfreeze.models.anatomy import Place
from unfreeze.strategies import Strategy
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.parameters import parameter_groups


@dataclass(frozen=True)
class TopDown(Strategy):
    """One more layer from the top in each epoch, at half the rate of the one above."""

    name: ClassVar[str] = "top_down"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.from_top <= epoch

    def lr_scale(self, place: Place, epoch: int) -> float:
        return 0.5**place.from_top


def test_the_entry_is_the_lowest_trained_depth(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy=TopDown(), epochs=4)
    assert [bench.trainables.entry(bench.network, epoch) for epoch in range(4)] == [3, 2, 1, 0]


def test_flags_follow_the_epoch_and_stale_gradients_go(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy=TopDown(), epochs=4)
    for epoch in (3, 0):
        bench.trainables.apply(bench.network, epoch)
        for name, parameter in bench.network.named_parameters():
            assert parameter.requires_grad == bench.trainables.trains(name, epoch)
            assert parameter.requires_grad or parameter.grad is None
            parameter.grad = torch.ones_like(parameter)


def test_groups_hold_everything_that_ever_trains_once(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy=TopDown(), epochs=2)
    groups = parameter_groups(bench.network, bench.trainables, 0.01)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    wanted = {id(p) for n, p in bench.network.named_parameters() if bench.trainables.ever_trains(n)}
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == wanted


def test_only_matrices_decay_as_in_the_stock_trainer(workbench: Callable[..., Any], family: str) -> None:
    from transformers import Trainer

    bench = workbench(family, epochs=1)
    decayed = {
        id(parameter)
        for group in parameter_groups(bench.network, bench.trainables, 0.01)
        for parameter in group["params"]
        if group["weight_decay"]
    }
    stock = set(Trainer.get_decay_parameter_names(None, bench.network))  # type: ignore[arg-type]
    assert {name for name, p in bench.network.named_parameters() if id(p) in decayed} == stock


def test_groups_know_their_rates_and_their_first_epoch(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy=TopDown(), epochs=3)
    groups = parameter_groups(bench.network, bench.trainables, 0.01)
    assert {(g["key"].first_epoch, g["key"].scales[0]) for g in groups} == {(0, 1.0), (1, 0.5), (2, 0.25)}


@pytest.mark.parametrize("strategy", ["head", "lora", "freeze:first=1"])
def test_a_checkpoint_holds_what_trains_and_brings_it_back(workbench: Callable[..., Any], strategy: str) -> None:
    bench = workbench(strategy=strategy)
    before = bench.state()
    checkpoints = Checkpoints(bench.folder)
    checkpoints.save_best(7, bench.network, bench.trainables)
    with torch.no_grad():
        for parameter in bench.network.parameters():
            parameter.add_(1.0)
    checkpoints.load_best(7, bench.network)
    for name, parameter in bench.network.named_parameters():
        assert torch.equal(parameter, before[name]) == bench.trainables.ever_trains(name)
