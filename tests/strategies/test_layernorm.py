"""The norms of every family, whatever it calls them, alone and beside adapters as Houlsby et al. train them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from unfreeze.inference.predictor import load_predictor
from unfreeze.models.anatomy import Anatomy, Place
from unfreeze.strategies import STRATEGIES, NormTuning, StrategyError
from unfreeze.strategies.parse import parse_strategies


def trained(bench: Any) -> set[str]:
    return {name for name in bench.state() if bench.trainables.ever_trains(name)}


def named_like_norms(bench: Any) -> set[str]:
    """Told by name, where the strategy looks at the class."""
    return {name for name in bench.state() if "norm" in name.lower() and "bottleneck" not in name}


def head(bench: Any) -> set[str]:
    return {name for name, place in bench.anatomy.places.items() if place.part == "head"}


def test_every_norm_and_the_head_train(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    bench = workbench(family, task_name, "layernorm")
    assert trained(bench) == named_like_norms(bench) | head(bench)
    depths = {bench.anatomy.places[name].depth for name in trained(bench) - head(bench)}
    assert depths >= set(range(bench.anatomy.num_layers + 1))  # those of the embeddings too
    if family != "modernbert":
        assert len(trained(bench) - head(bench)) == 2 * (2 * bench.anatomy.num_layers + 1)


@pytest.mark.parametrize("placement", ["houlsby", "pfeiffer"])
def test_beside_adapters(workbench: Callable[..., Any], family: str, placement: str) -> None:
    bench = workbench(family, strategy=f"adapter:placement={placement},reduction_factor=4+layernorm")
    adapters = {name for name in bench.state() if "bottleneck" in name}
    assert adapters
    assert trained(bench) == adapters | named_like_norms(bench) | head(bench)


def test_beside_adapters_it_survives_saving(workbench: Callable[..., Any], family: str, tmp_path: Path) -> None:
    bench = workbench(family, strategy="adapter:placement=houlsby,reduction_factor=4+layernorm", learning_rate=1e-2)
    before = bench.state()
    bench.run()
    moved = {name for name, tensor in bench.state().items() if not torch.equal(tensor, before[name])}
    assert moved == trained(bench)
    bench.save(tmp_path / "model")
    loaded = load_predictor(tmp_path / "model", task=bench.task, device="cpu").network
    inputs = bench.collator(bench.validation.encoded.features).inputs
    with torch.inference_mode():
        torch.testing.assert_close(loaded(**inputs).logits, bench.network(**inputs).logits)


def test_norms_and_biases_together(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="bitfit+layernorm")
    biases = {name for name in bench.state() if name.endswith(".bias")}
    assert trained(bench) == named_like_norms(bench) | biases | head(bench)


def test_an_encoder_without_known_norms_is_refused() -> None:
    places = {name: Place(name, "layer", 1, 1) for name in ("e.layer.0.scale", "e.layer.0.bias")}
    places["classifier.norm.weight"] = Place("classifier.norm.weight", "head", 2, 1, is_norm=True)
    anatomy = Anatomy("plain", 1, 1, "e", ("e.layer.0",), places)
    with pytest.raises(StrategyError, match=r"layernorm: no norms are known in the encoder of plain.*Use bitfit"):
        NormTuning().refuse(anatomy)


def test_a_norm_is_told_by_its_class() -> None:
    from unfreeze.models.anatomy import take_anatomy

    class Scaled(nn.LayerNorm):
        pass

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = nn.RMSNorm(4), Scaled(4), nn.Linear(4, 4)

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([Layer(), Layer()])

    class Network(nn.Module):
        base_model_prefix = "encoder"

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.config = Encoder(), type("Config", (), {"num_hidden_layers": 2, "model_type": "own"})

    norms = {name.split(".")[-2] for name, place in take_anatomy(Network()).places.items() if place.is_norm}
    assert norms == {"first", "second"}


def test_it_prints_as_it_is_typed() -> None:
    assert parse_strategies("layernorm:learning_rate=0.003", STRATEGIES) == [NormTuning(learning_rate=3e-3)]
    assert str(NormTuning() + parse_strategies("adapter", STRATEGIES)[0]) == "layernorm+adapter"
