"""Gradual unfreezing: what trains in which epoch, from the head down, and what never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.models.anatomy import Place
from unfreeze.strategies import STRATEGIES, Freeze, Gradual, Head, LoRA, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.parameters import parameter_groups

OWN_LAYERS = ["bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert", "modernbert"]


def parse(text: str) -> Strategy:
    [strategy] = parse_strategies(text, STRATEGIES)
    return strategy


def depths(bench: Any, epoch: int, *, part: str | None = None) -> set[int]:
    """The depths at which something trains; the head and what lies under it are one above the layers."""
    places = [bench.anatomy.locate(name) for name in bench.state() if bench.trainables.trains(name, epoch)]
    return {place.depth for place in places if part in (None, place.part)}


@pytest.mark.parametrize("family_name", OWN_LAYERS)
def test_one_more_layer_trains_in_each_epoch(workbench: Callable[..., Any], family_name: str, task_name: str) -> None:
    bench = workbench(family_name, task_name, "gradual", layers=3, epochs=6)
    expected = [{4}, {3, 4}, {2, 3, 4}, {1, 2, 3, 4}, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}]
    assert [depths(bench, epoch) for epoch in range(6)] == expected
    assert [bench.trainables.entry(bench.network, epoch) for epoch in range(6)] == [4, 3, 2, 1, 0, 0]
    last = {name for name in bench.state() if bench.trainables.trains(name, 5)}
    assert last == bench.state().keys()


def thawed(text: str, layers: int, epochs: int) -> list[int]:
    """In each epoch: how many places train of the layers and the embeddings, which are the lowest."""
    strategy = parse(text)
    places = [Place("e", "embeddings", 0, layers), *(Place(str(i), "layer", i, layers) for i in range(1, layers + 1))]
    found = []
    for epoch in range(epochs):
        trained = [place.depth for place in places if strategy.trains(place, epoch)]
        assert trained == list(range(layers + 1 - len(trained), layers + 1)), "not from the top down"
        found.append(len(trained))
    return found


@pytest.mark.parametrize(
    ("text", "layers", "expected"),
    [
        ("gradual", 6, [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]),
        ("gradual", 12, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("gradual:layers_per_epoch=2", 6, [0, 2, 4, 6, 7, 7]),
        ("gradual:layers_per_epoch=4", 12, [0, 4, 8, 12, 13]),
        ("gradual:layers_per_epoch=99", 12, [0, 13]),
        ("gradual:milestones=1+3+5", 6, [0, 3, 3, 5, 5, 7, 7]),
        ("gradual:milestones=1+3+5", 12, [0, 5, 5, 9, 9, 13, 13]),
        ("gradual:milestones=2", 6, [0, 0, 7]),
        ("gradual:milestones=1+2+3", 2, [0, 1, 2, 3]),
    ],
)
def test_layers_and_embeddings_that_train_in_each_epoch(text: str, layers: int, expected: list[int]) -> None:
    assert thawed(text, layers, len(expected)) == expected


def test_alone_it_has_epochs_enough() -> None:
    assert (parse("gradual").epochs, parse("gradual:milestones=1+3+5").epochs) == (10, 8)
    assert thawed("gradual", 6, parse("gradual").epochs)[-3:] == [7, 7, 7]
    assert parse("gradual").learning_rate == STRATEGIES["full"].learning_rate


def test_what_never_thaws_is_said(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="gradual", layers=12, epochs=Gradual().epochs)
    assert bench.trainables.describe(bench.network).startswith("layers 4-12 of 12, the layer on top")
    bench = workbench(strategy="gradual", layers=12, epochs=14)
    assert bench.trainables.describe(bench.network).startswith("embeddings, layers 1-12 of 12, ")


@pytest.mark.parametrize("text", ["lora+gradual", "adapter+gradual", "gradual+adapter:placement=houlsby"])
def test_an_adapter_thaws_with_its_layer(workbench: Callable[..., Any], text: str) -> None:
    bench = workbench(strategy=text, layers=3, epochs=5)
    assert [depths(bench, epoch, part="adapter") for epoch in range(5)] == [
        set(), {3}, {2, 3}, {1, 2, 3}, {1, 2, 3},
    ]  # fmt: skip
    assert not any(depths(bench, epoch, part="layer") for epoch in range(5))


def test_what_another_closer_freezes_stays_frozen(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="gradual+freeze:first=2", layers=3, epochs=5)
    assert [depths(bench, epoch) for epoch in range(5)] == [{4}, {3, 4}, {3, 4}, {3, 4}, {3, 4}]


def test_with_an_opener_epochs_and_rate_are_the_openers() -> None:
    assert (LoRA() + Gradual()).epochs == (Gradual() + LoRA()).epochs == LoRA.epochs
    assert (Gradual(learning_rate=1.0) + LoRA()).learning_rate == LoRA.learning_rate
    assert (Gradual(learning_rate=1.0) + Freeze(first=1)).learning_rate == 1.0
    assert (Gradual() + Head()).epochs == Head.epochs


def test_every_layer_warms_up_where_it_starts(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="gradual", layers=3, epochs=6)
    names = {id(parameter): name for name, parameter in bench.network.named_parameters()}
    started = {
        (bench.anatomy.locate(names[id(parameter)]).depth, group["key"].first_epoch)
        for group in parameter_groups(bench.network, bench.trainables, 0.01)
        for parameter in group["params"]
    }
    assert started == {(4, 0), (3, 1), (2, 2), (1, 3), (0, 4)}


def test_layers_that_start_anew_must_thaw_in_time(workbench: Callable[..., Any]) -> None:
    workbench(strategy="reinit:top=2+gradual", epochs=3)
    with pytest.raises(StrategyError, match="never trains in 2 epochs"):
        workbench(strategy="reinit:top=2+gradual", epochs=2)


@pytest.mark.parametrize(
    ("family_name", "text", "message"),
    [
        ("albert", "gradual", r"^gradual: the 2 layers of albert share one set of weights.* Use two_stage"),
        ("bert", "gradual:milestones=1+2+3+4", "2 layers and the embeddings, too few for 4 parts. Give 3 milestones"),
    ],
)
def test_refused(workbench: Callable[..., Any], family_name: str, text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        workbench(family_name, strategy=text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gradual:layers_per_epoch=0", "layers_per_epoch=0: expected 1 layer or more"),
        ("gradual:layers_per_epoch=2,milestones=1+2", "give layers_per_epoch or milestones, not both"),
        (
            "gradual:milestones=3+1",
            r"gradual:milestones=3\+1: milestones=3\+1: expected rising numbers of epochs from 1 on",
        ),
        ("gradual:milestones=1+1", "expected rising numbers"),
        ("gradual:milestones=0+1", "expected rising numbers"),
        ("gradual:milestones=-1", "expected rising numbers"),
        ("gradual:milestones=", "milestones=: expected whole numbers joined with"),
        ("gradual:milestones=1+two", r"milestones=1\+two: expected whole numbers joined with \+"),
        ("gradual:milestones=1.5", "expected whole numbers"),
        ("gradual:milestone=1", "no setting 'milestone'. Did you mean milestones?"),
    ],
)
def test_bad_settings_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse(text)


def test_milestones_are_typed_as_they_print() -> None:
    assert parse("gradual:milestones=1+3+5") == Gradual(milestones=(1, 3, 5))
    assert parse("gradual:milestones=1+3+llrd") == Gradual(milestones=(1, 3)) + parse("llrd")
    with pytest.raises(StrategyError, match="expected rising numbers"):
        Gradual(milestones=())


RATES = st.floats(1e-7, 1.0)
RISING = st.sets(st.integers(1, 50), min_size=1).map(lambda numbers: tuple(sorted(numbers)))


@given(
    st.one_of(
        st.builds(Gradual, learning_rate=RATES, layers_per_epoch=st.integers(1, 24)),
        st.builds(Gradual, learning_rate=RATES, milestones=RISING),
    )
)
def test_what_is_printed_can_be_typed(strategy: Gradual) -> None:
    assert parse(str(strategy)) == strategy


@given(RISING, st.integers(1, 24))
def test_every_milestone_thaws_something_and_the_last_everything(milestones: tuple[int, ...], layers: int) -> None:
    if len(milestones) > layers + 1:
        return  # refused
    counts = thawed(str(Gradual(milestones=milestones)), layers, milestones[-1] + 1)
    rises = [epoch for epoch in range(1, len(counts)) if counts[epoch] > counts[epoch - 1]]
    assert rises == list(milestones)
    assert (counts[0], counts[-1]) == (0, layers + 1)
