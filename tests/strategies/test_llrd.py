"""Layer-wise decay: the rate of every place, on real networks and beside other strategies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.strategies import LLRD, STRATEGIES, LoRA, StrategyError
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.parameters import parameter_groups

OWN_LAYERS = ["bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert", "modernbert"]


def scales(bench: Any, epoch: int = 0) -> dict[str, float]:
    """The multiplier on the rate of each parameter that the optimizer holds, as the loop applies it."""
    names = {id(parameter): name for name, parameter in bench.network.named_parameters()}
    groups = parameter_groups(bench.network, bench.trainables, 0.01)
    return {names[id(p)]: group["key"].scales[epoch] for group in groups for p in group["params"]}


@pytest.mark.parametrize("family_name", OWN_LAYERS)
def test_every_layer_decays_once_more(workbench: Callable[..., Any], family_name: str, task_name: str) -> None:
    bench = workbench(family_name, task_name, "llrd:decay=0.5", layers=3)
    expected = {4: 1.0, 3: 0.5, 2: 0.25, 1: 0.125, 0: 0.0625}
    found = scales(bench)
    assert found.keys() == bench.state().keys(), "llrd alone trains everything"
    assert {(bench.anatomy.locate(name).depth, scale) for name, scale in found.items()} == set(expected.items())


def test_the_head_and_the_pooler_have_the_rate_itself(workbench: Callable[..., Any]) -> None:
    found = scales(workbench(strategy="llrd", layers=12))
    assert found["classifier.weight"] == found["bert.pooler.dense.weight"] == 1.0
    assert found["bert.encoder.layer.11.output.dense.weight"] == pytest.approx(0.95)
    assert found["bert.encoder.layer.0.output.dense.weight"] == pytest.approx(0.95**12)
    assert found["bert.embeddings.word_embeddings.weight"] == pytest.approx(0.95**13)


@pytest.mark.parametrize("text", ["lora+llrd:decay=0.5", "llrd:decay=0.5+adapter"])
def test_an_adapter_has_the_rate_of_its_layer(workbench: Callable[..., Any], text: str) -> None:
    bench = workbench(strategy=text, layers=3)
    places = {name: bench.anatomy.locate(name) for name in scales(bench)}
    assert {place.part for place in places.values()} == {"adapter", "head"}
    for name, scale in scales(bench).items():
        assert scale == 0.5 ** (4 - places[name].depth)


def test_multipliers_of_a_sum_multiply(workbench: Callable[..., Any]) -> None:
    found = scales(workbench(strategy="llrd:decay=0.5+two_stage:head_lr_mult=4+discriminative"))
    assert found["classifier.weight"] == 4
    assert found["bert.encoder.layer.0.output.dense.weight"] == pytest.approx(0.5**2 * 0.4)
    assert found["bert.embeddings.LayerNorm.weight"] == pytest.approx(0.5**3 * 0.2)


def test_the_peak_rate_is_the_first_openers() -> None:
    assert LLRD().learning_rate == STRATEGIES["full"].learning_rate
    assert (LLRD() + LoRA()).learning_rate == LoRA.learning_rate
    assert (LLRD() + LoRA()).epochs == LoRA.epochs


def test_shared_layers_are_refused(workbench: Callable[..., Any]) -> None:
    with pytest.raises(StrategyError, match=r"llrd: the 2 layers of albert share .*Use discriminative"):
        workbench("albert", strategy="lora+llrd")


@pytest.mark.parametrize("decay", ["0", "-0.5", "1.01"])
def test_a_decay_that_is_none_is_refused(decay: str) -> None:
    with pytest.raises(
        StrategyError, match=f"llrd:decay={decay}: decay={float(decay)}: expected more than 0 and at most 1"
    ):
        parse_strategies(f"llrd:decay={decay}", STRATEGIES)


@given(st.builds(LLRD, learning_rate=st.floats(1e-7, 1.0), decay=st.floats(1e-3, 1.0)))
def test_what_is_printed_can_be_typed(strategy: LLRD) -> None:
    assert parse_strategies(str(strategy), STRATEGIES) == [strategy]
