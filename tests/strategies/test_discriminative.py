"""Three rates as ratios to the head's, so that whatever replaces the head's rate scales all three."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.strategies import STRATEGIES, Discriminative, Full, LoRA, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.parameters import parameter_groups


def parse(text: str) -> Strategy:
    [strategy] = parse_strategies(text, STRATEGIES)
    return strategy


def rates(bench: Any, learning_rate: float) -> dict[str, set[float]]:
    """The peak rates of what trains in each part of the network."""
    names = {id(parameter): name for name, parameter in bench.network.named_parameters()}
    found: dict[str, set[float]] = {}
    for group in parameter_groups(bench.network, bench.trainables, 0.01):
        for parameter in group["params"]:
            part = bench.anatomy.locate(names[id(parameter)]).part
            found.setdefault(part, set()).add(float(f"{learning_rate * group['key'].scales[0]:.6g}"))
    return found


def test_the_rates_of_every_part(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    bench = workbench(family, task_name, "discriminative")
    found = rates(bench, bench.strategy.learning_rate)
    top = found.pop("top", {5e-5})
    assert found == {"embeddings": {1e-5}, "layer": {2e-5}, "head": {5e-5}}
    assert top == {5e-5}
    assert bench.trainables.count(bench.network)[0] == bench.trainables.count(bench.network)[1]


def test_the_learning_rate_is_the_heads() -> None:
    assert Discriminative().learning_rate == 5e-5
    assert parse("discriminative:head=1e-3").learning_rate == 1e-3
    assert (parse("discriminative:head=1e-3") + parse("freeze:first=1")).learning_rate == 1e-3


def test_another_learning_rate_scales_all_three(workbench: Callable[..., Any]) -> None:
    found = rates(workbench(strategy="discriminative:head=1e-4,encoder=5e-5"), 1e-3)
    assert found["head"] == {1e-3} and found["layer"] == {5e-4} and found["embeddings"] == {1e-4}


def test_in_a_sum_the_rate_is_the_first_openers_and_adapters_are_of_the_encoder(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="lora+discriminative:head=1e-4,encoder=1e-5")
    assert bench.strategy.learning_rate == LoRA.learning_rate
    assert rates(bench, bench.strategy.learning_rate) == {"adapter": {1e-4}, "head": {1e-3}}
    assert (Discriminative() + Full()).learning_rate == Full.learning_rate


def test_no_second_name_for_the_same_rate() -> None:
    with pytest.raises(StrategyError, match=r"no setting 'learning_rate'.*Known: embeddings, encoder, head"):
        parse("discriminative:learning_rate=1e-4")
    with pytest.raises(StrategyError, match="the learning rate is that of lora"):
        parse("lora+llrd:learning_rate=1e-3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("discriminative:head=0", "discriminative:head=0: head=0.0: expected a rate above 0"),
        ("discriminative:embeddings=0", "embeddings=0.0: expected a rate above 0; freeze keeps layers still"),
        ("discriminative:encoder=-1e-5", "encoder=-1e-05: expected a rate above 0"),
        ("discriminative:encoder=nan", "encoder=nan: expected a finite number"),
        ("discriminative:encoders=1e-5", "no setting 'encoders'. Did you mean encoder?"),
    ],
)
def test_bad_settings_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse(text)


RATES = st.floats(1e-7, 1.0)
ANY = st.builds(Discriminative, embeddings=RATES, encoder=RATES, head=RATES)


@given(ANY)
def test_what_is_printed_can_be_typed(strategy: Discriminative) -> None:
    assert parse(str(strategy)) == strategy
    assert parse(f"lora+{strategy}") == LoRA() + strategy
