"""Two stages: the head alone at its own rate, then everything at the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.strategies import STRATEGIES, LoRA, StrategyError, TwoStage
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.parameters import parameter_groups


def parts(bench: Any, epoch: int) -> set[str]:
    return {bench.anatomy.locate(name).part for name in bench.state() if bench.trainables.trains(name, epoch)}


def test_the_head_trains_alone_and_then_everything(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    bench = workbench(family, task_name, "two_stage:head_epochs=2", epochs=4)
    everywhere = {place.part for place in bench.anatomy.places.values()}
    assert [parts(bench, epoch) for epoch in range(4)] == [everywhere & {"top", "head"}] * 2 + [everywhere] * 2
    assert all(bench.trainables.trains(name, 3) for name in bench.state())
    assert [bench.trainables.entry(bench.network, epoch) > bench.anatomy.num_layers for epoch in range(4)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_only_the_heads_rate_is_raised_and_only_at_first(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="two_stage:head_lr_mult=7", epochs=3)
    names = {id(parameter): name for name, parameter in bench.network.named_parameters()}
    found = {
        (bench.anatomy.locate(names[id(parameter)]).part, group["key"].first_epoch, group["key"].scales)
        for group in parameter_groups(bench.network, bench.trainables, 0.01)
        for parameter in group["params"]
    }
    assert found == {
        ("head", 0, (7.0, 1.0, 1.0)),
        ("top", 0, (1.0, 1.0, 1.0)),
        ("layer", 1, (1.0, 1.0, 1.0)),
        ("embeddings", 1, (1.0, 1.0, 1.0)),
    }


@pytest.mark.parametrize("text", ["lora+two_stage", "two_stage+adapter"])
def test_adapters_join_in_the_second_stage(workbench: Callable[..., Any], text: str) -> None:
    bench = workbench(strategy=text, epochs=3)
    assert [parts(bench, epoch) for epoch in range(3)] == [{"head"}, {"adapter", "head"}, {"adapter", "head"}]


def test_epochs_leave_room_for_the_second_stage() -> None:
    assert (TwoStage().epochs, TwoStage(head_epochs=4).epochs) == (4, 7)
    assert TwoStage().learning_rate == STRATEGIES["full"].learning_rate
    assert ((TwoStage() + LoRA()).epochs, (TwoStage() + LoRA()).learning_rate) == (LoRA.epochs, LoRA.learning_rate)


def test_a_run_without_a_second_stage_says_so(workbench: Callable[..., Any]) -> None:
    bench = workbench("roberta", strategy="two_stage", epochs=1)
    assert bench.trainables.describe(bench.network).startswith("the head: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("two_stage:head_epochs=0", "head_epochs=0: expected 1 epoch or more"),
        ("two_stage:head_lr_mult=0", "head_lr_mult=0.0: expected more than 0"),
        ("two_stage:head_lr=1", "no setting 'head_lr'. Did you mean head_lr_mult?"),
        ("twostage", "Did you mean two_stage?"),
    ],
)
def test_bad_settings_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse_strategies(text, STRATEGIES)


@given(
    st.builds(
        TwoStage,
        learning_rate=st.floats(1e-7, 1.0),
        head_epochs=st.integers(1, 20),
        head_lr_mult=st.floats(1e-3, 1e3),
    )
)
def test_what_is_printed_can_be_typed(strategy: TwoStage) -> None:
    assert parse_strategies(str(strategy), STRATEGIES) == [strategy]
