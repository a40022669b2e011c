"""LoRA sits where it should: in the layers, drawn from the seed, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.load import load_network
from unfreeze.strategies import LoRA, StrategyError

CLASSIFICATION = "AutoModelForSequenceClassification"


def adapters(bench: Any) -> dict[str, int]:
    """The name of each adapter weight and its depth."""
    places = (bench.anatomy.locate(name) for name, _ in bench.network.named_parameters())
    return {place.name: place.depth for place in places if place.part == "adapter"}


def test_every_family_has_default_targets(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    bench = workbench(family, task_name, "lora")
    depths = adapters(bench).values()
    assert set(depths) == set(range(1, bench.anatomy.num_layers + 1))
    assert len(depths) == {"modernbert": 2}.get(family, 6) * bench.anatomy.num_layers
    assert bench.network.peft_config["default"].r == 8


@pytest.mark.parametrize("family_name", ["bert", "roberta", "electra", "albert"])
def test_a_name_used_again_outside_the_layers_is_left_alone(workbench: Callable[..., Any], family_name: str) -> None:
    """`dense` is in the layers, and also BERT's and ALBERT's pooler, and RoBERTa's and ELECTRA's head."""
    before = workbench(family_name)
    bench = workbench(family_name, "classification", "lora:target_modules=dense")
    outside = {name for name, place in before.anatomy.places.items() if place.part != "layer"}
    assert outside <= {name for name, _ in bench.network.named_parameters()}
    assert set(adapters(bench).values()) == set(range(1, bench.anatomy.num_layers + 1))


def test_the_network_stays_the_stock_class_and_starts_with_its_outputs(workbench: Callable[..., Any]) -> None:
    plain, bench = workbench(), workbench(strategy="lora")
    assert type(bench.network) is type(plain.network)
    inputs = plain.collator(plain.train.encoded.features[:4]).inputs
    with torch.no_grad():
        torch.testing.assert_close(bench.network.eval()(**inputs).logits, plain.network.eval()(**inputs).logits)


def test_adapters_follow_the_seed_and_nothing_else(family_folder: Callable[..., str]) -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.seed()  # history must not matter
        network = load_network(family_folder("bert"), CLASSIFICATION, seed).network
        LoRA().adapt(network, take_anatomy(network))
        return network.get_parameter("bert.encoder.layer.0.attention.self.query.lora_A.default.weight")

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_a_module_that_cannot_have_an_adapter_is_refused(workbench: Callable[..., Any]) -> None:
    with pytest.raises(StrategyError, match=r"lora:target_modules=LayerNorm: .*LayerNorm"):
        workbench(strategy="lora:target_modules=LayerNorm")
