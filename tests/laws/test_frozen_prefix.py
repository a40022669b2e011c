"""What lies below the lowest trained layer computes the same in every step: no dropout there, of no kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch


def layer_outputs(bench: Any, seed: int) -> list[torch.Tensor]:
    """The output of each applied layer, lowest first, in the modes that training would use."""
    outputs: list[torch.Tensor] = []
    hooks = [
        bench.network.get_submodule(prefix).register_forward_hook(
            lambda module, args, output: outputs.append(output[0] if isinstance(output, tuple) else output)
        )
        for prefix in bench.anatomy.layer_prefixes
    ]
    torch.manual_seed(seed)
    with torch.no_grad():
        outputs.append(bench.logits(bench.train.encoded.features[:4]))
    for hook in hooks:
        hook.remove()
    return outputs


def unchanged(bench: Any, *, frozen_dropout: bool = False, epoch: int = 0) -> list[bool]:
    """For each layer, and the logits last: is the output the same with other random numbers?"""
    bench.trainables.set_modes(bench.network, epoch, frozen_dropout=frozen_dropout)
    first, second = layer_outputs(bench, 1), layer_outputs(bench, 2)
    return [torch.equal(a, b) for a, b in zip(first, second, strict=True)]


@pytest.mark.parametrize("frozen", [1, 2])
def test_the_prefix_is_deterministic_and_the_rest_is_not(
    workbench: Callable[..., Any], family: str, task_name: str, frozen: int, families: dict[str, Any]
) -> None:
    if families[family].shares_layers:
        return  # no single layers: see the next test
    if task_name == "replaced-token":
        pytest.skip("what the network reads is drawn anew in every step")
    bench = workbench(family, task_name, f"freeze:first={frozen}", dropout=0.5, layers=3)
    assert unchanged(bench) == [True] * frozen + [False] * (3 - frozen) + [False]


def test_head_only_freezes_every_layer(workbench: Callable[..., Any], family: str, label_task: str) -> None:
    bench = workbench(family, label_task, "head", dropout=0.5)
    *layers, logits = unchanged(bench)
    assert all(layers)
    assert not logits, "the head's own dropout must stay"


@pytest.mark.parametrize("strategy", ["head", "freeze:first=1"])
def test_frozen_dropout_imitates_the_stock_trainer(workbench: Callable[..., Any], strategy: str) -> None:
    bench = workbench("bert", "classification", strategy, dropout=0.5)
    assert not any(unchanged(bench, frozen_dropout=True))
    assert all(module.training for module in bench.network.modules())


@pytest.mark.parametrize("strategy", ["freeze:embeddings", "lora"])
def test_the_embeddings_below_trained_layers_are_a_prefix(workbench: Callable[..., Any], strategy: str) -> None:
    bench = workbench("bert", "classification", strategy, dropout=0.5)
    bench.trainables.set_modes(bench.network, 0, frozen_dropout=False)
    assert not any(module.training for module in bench.network.bert.embeddings.modules())
    assert all(module.training for module in bench.network.bert.encoder.layer.modules())


@pytest.mark.parametrize("strategy", ["full", "freeze:last=2", "freeze:layers", "freeze:alternating,embeddings=train"])
def test_frozen_layers_above_trained_ones_keep_their_dropout(workbench: Callable[..., Any], strategy: str) -> None:
    bench = workbench("bert", "classification", strategy, dropout=0.5)
    bench.trainables.set_modes(bench.network, 0, frozen_dropout=False)
    assert all(module.training for module in bench.network.modules())
