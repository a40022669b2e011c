"""LoRA sits where it should: in the layers, drawn from the seed, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel

from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.load import load_network
from unfreeze.models.save import merged_folder
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


@pytest.mark.parametrize("family_name", ["bert", "distilbert", "modernbert"])
@pytest.mark.parametrize("top", [1, 2, 3])
def test_top_puts_adapters_into_the_highest_layers(workbench: Callable[..., Any], family_name: str, top: int) -> None:
    bench = workbench(family_name, strategy=f"lora:top={top}", layers=3)
    assert set(adapters(bench).values()) == set(range(4 - top, 4))
    everywhere = workbench(family_name, strategy="lora", layers=3)
    assert len(adapters(bench)) * 3 == len(adapters(everywhere)) * top
    assert bench.trainables.entry(bench.network, 0) == 4 - top


def update(bench: Any) -> torch.Tensor:
    """What the adapter of one module adds to its outputs, with the same weights for everybody."""
    layer = bench.network.get_submodule("bert.encoder.layer.1.attention.self.query")
    inputs = torch.linspace(-1, 1, 64).reshape(4, 16)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                parameter.copy_(torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape))
        result: torch.Tensor = layer.eval()(inputs) - layer.base_layer(inputs)
    return result


def test_rslora_divides_by_the_root_of_the_rank(workbench: Callable[..., Any]) -> None:
    plain, rank_stabilised = (update(workbench(strategy=f"lora:r=4{flag}")) for flag in ("", ",use_rslora"))
    torch.testing.assert_close(rank_stabilised, 2 * plain)


def test_dora_learns_the_length_of_each_output(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="lora:use_dora")
    name = "bert.encoder.layer.1.attention.self.query"
    magnitude = bench.network.get_parameter(f"{name}.lora_magnitude_vector.default.weight")
    length = bench.network.get_parameter(f"{name}.base_layer.weight").norm(dim=1)
    torch.testing.assert_close(magnitude, length)
    assert bench.trainables.ever_trains(f"{name}.lora_magnitude_vector.default.weight")
    assert len(adapters(bench)) == len(adapters(workbench(strategy="lora"))) * 3 // 2


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft 0.21 with transformers 5.23
@pytest.mark.parametrize("text", ["lora:use_dora", "lora:use_rslora,r=4", "lora:top=1,use_dora,use_rslora"])
def test_stock_peft_loads_what_the_flags_made(
    workbench: Callable[..., Any], family: str, families: dict[str, Any], text: str, tmp_path: Path
) -> None:
    if families[family].shares_layers and "top" in text:
        return  # refused: test_refusals.py
    bench = workbench(family, strategy=text, epochs=1, learning_rate=1e-2)
    bench.run()
    bench.save(tmp_path / "model")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "model")
    stock = transformers.AutoModelForSequenceClassification
    base = stock.from_pretrained(bench.network.name_or_path, config=config)
    inputs = bench.collator(bench.validation.encoded.features).inputs
    networks = [
        PeftModel.from_pretrained(base, tmp_path / "model"),
        stock.from_pretrained(merged_folder(tmp_path / "model")),
    ]
    with torch.no_grad():
        expected = bench.network.eval()(**inputs).logits
        for network in networks:
            torch.testing.assert_close(network.eval()(**inputs).logits, expected, rtol=1e-3, atol=1e-4)
