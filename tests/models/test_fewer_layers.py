"""A network of fewer layers is the whole one with layers taken out, in every family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.explained import ModelError
from unfreeze.models.fewer_layers import load_fewer_layers, number_of_layers, spread
from unfreeze.models.load import load_network

AUTO_CLASS = "AutoModelForTokenClassification"


def outputs(network: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def test_it_computes_what_is_left_of_the_whole_one(
    family_folder: Callable[..., str], families: Any, family: str, tmp_path: Path
) -> None:
    model = family_folder(family, 4, AUTO_CLASS)
    if families[family].shares_layers:
        with pytest.raises(ModelError, match="its 4 layers share their weights"):
            load_fewer_layers(model, AUTO_CLASS, 2, 0)
        return
    small = load_fewer_layers(model, AUTO_CLASS, 3, 0)
    assert not small.new_parameters and small.network.config.num_hidden_layers == 3
    whole = load_network(model, AUTO_CLASS, 0).network
    prefix = take_anatomy(whole).layer_prefixes[0].rpartition(".")[0]
    holder, name = whole.get_submodule(prefix.rpartition(".")[0]), prefix.rpartition(".")[2]
    layers = getattr(holder, name)
    setattr(holder, name, nn.ModuleList(layers[i] for i in spread(3, 4)))
    whole.config.num_hidden_layers = 3
    ids = torch.arange(5, 25).view(2, 10)
    assert spread(3, 4) == (0, 2, 3)
    torch.testing.assert_close(outputs(small.network, ids), outputs(whole, ids))
    small.network.save_pretrained(tmp_path)
    stock = getattr(transformers, AUTO_CLASS).from_pretrained(tmp_path).eval()
    assert torch.equal(outputs(stock, ids), outputs(small.network, ids))


def test_a_head_that_the_checkpoint_lacks_is_new(family_folder: Callable[..., str]) -> None:
    found = [load_fewer_layers(family_folder("bert", 4), AUTO_CLASS, 2, seed) for seed in (0, 0, 1)]
    assert all(one.new_parameters == {"classifier.weight", "classifier.bias"} for one in found)
    first, same, other = (one.network.classifier.weight for one in found)
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_half_of_the_layers_unless_said_otherwise(family_folder: Callable[..., str]) -> None:
    model = family_folder("bert", 4)
    assert [number_of_layers(model, layers) for layers in (0, 1, 4)] == [2, 1, 4]
    with pytest.raises(ModelError, match="has 4 layers; layers=5 are too many"):
        number_of_layers(model, 5)
