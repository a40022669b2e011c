"""BitFit: the biases of every family, by name and number, and a family without any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers

from unfreeze.models.anatomy import take_anatomy
from unfreeze.strategies import STRATEGIES, BitFit, StrategyError
from unfreeze.strategies.parse import parse_strategies

WITH_BIASES = ["bert", "roberta", "albert", "electra", "distilbert", "xlm-roberta", "camembert"]


def trained(bench: Any) -> set[str]:
    return {name for name in bench.state() if bench.trainables.ever_trains(name)}


@pytest.mark.parametrize("family_name", WITH_BIASES)
def test_every_bias_and_the_head_train(workbench: Callable[..., Any], family_name: str, task_name: str) -> None:
    bench = workbench(family_name, task_name, "bitfit")
    biases = {name for name in bench.state() if name.endswith(".bias")}
    head = {name for name, place in bench.anatomy.places.items() if place.part == "head"}
    assert trained(bench) == biases | head
    # A layer has one bias for each of 6 matrices and 2 norms.
    in_layers = [name for name in biases if bench.anatomy.places[name].part == "layer"]
    assert len(in_layers) == 8 * bench.anatomy.num_layers
    assert all(bench.network.get_parameter(name).ndim == 1 for name in biases)


@pytest.mark.parametrize("text", ["bitfit", "bitfit+layernorm", "lora+bitfit"])
def test_without_biases_it_is_refused(workbench: Callable[..., Any], task_name: str, text: str) -> None:
    message = "bitfit: the encoder of modernbert has no biases, .*Use layernorm, lora, or head"
    with pytest.raises(StrategyError, match=message):
        workbench("modernbert", task_name, text)


def test_a_bias_by_another_name_counts() -> None:
    """DeBERTa adds `q_bias` and `v_bias` to queries and values."""
    with torch.device("meta"):
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        config = transformers.AutoConfig.for_model("deberta", vocab_size=50, **sizes)
        anatomy = take_anatomy(transformers.AutoModelForSequenceClassification.from_config(config))
    BitFit().refuse(anatomy)
    trains = {name.rsplit(".", 1)[-1] for name, place in anatomy.places.items() if BitFit().trains(place, 0)}
    assert trains == {"bias", "q_bias", "v_bias", "weight"}  # the weight is the head's


def test_a_bias_that_peft_moved_still_trains(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="lora+bitfit")
    layer = "bert.encoder.layer.0.attention.self.query"
    assert {f"{layer}.base_layer.bias", f"{layer}.lora_A.default.weight"} <= trained(bench)
    assert f"{layer}.base_layer.weight" not in trained(bench)


def test_frozen_layers_keep_their_biases(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="bitfit+freeze:first=1")
    assert {bench.anatomy.locate(name).depth for name in trained(bench)} == {2, 3}


def test_it_prints_as_it_is_typed() -> None:
    assert parse_strategies("bitfit:learning_rate=0.0004", STRATEGIES) == [BitFit(learning_rate=4e-4)]
    assert str(BitFit(learning_rate=4e-4)) == "bitfit:learning_rate=0.0004"
