"""The rehearsed step is a step of the loop, tells the truth about every strategy, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import pytest
import torch

from unfreeze.strategies import StrategyError
from unfreeze.training.gradient_flow import GradientFlow, gradient_flow

FAMILIES_OF_EVERY_STRATEGY = (
    "bert",
    "albert",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("distilbert", "modernbert")),
)


def bench_or_skip(workbench: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return workbench(*arguments, **options)
    except StrategyError as refusal:
        pytest.skip(str(refusal))


def flow_of(bench: Any, **options: Any) -> GradientFlow:
    def loss(network: Any, batch: Any) -> torch.Tensor:
        total, units = bench.task.loss(network(**batch.inputs), batch)
        return torch.as_tensor(total / units)

    batch = bench.collator(bench.train.encoded.features[:8])
    values: dict[str, Any] = {"weight_decay": bench.options.weight_decay, "timed_steps": 1}
    return gradient_flow(
        bench.network, bench.trainables, loss, batch, bench.options.learning_rate, **(values | options)
    )


@pytest.mark.parametrize("model_type", FAMILIES_OF_EVERY_STRATEGY)
def test_the_network_is_left_as_it_was(workbench: Callable[..., Any], strategy_text: str, model_type: str) -> None:
    bench = bench_or_skip(workbench, model_type, strategy=strategy_text, dropout=0.5)
    network = bench.network
    for i, parameter in enumerate(network.parameters()):  # a state no training would leave
        parameter.requires_grad_(i % 2 == 0)
        parameter.grad = torch.ones_like(parameter) if i % 3 == 0 else None
    for i, module in enumerate(network.modules()):
        module.training = i % 2 == 0
    gradients = [parameter.grad for parameter in network.parameters()]
    flags = [parameter.requires_grad for parameter in network.parameters()]
    modes = [module.training for module in network.modules()]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]
    tensors = [tensor.clone() for tensor in (*network.parameters(), *network.buffers())]
    random_state = torch.get_rng_state()

    flow_of(bench)

    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(*pair) for pair in zip((*network.parameters(), *network.buffers()), tensors, strict=True))
    assert all(parameter.grad is before for parameter, before in zip(network.parameters(), gradients, strict=True))
    assert flags == [parameter.requires_grad for parameter in network.parameters()]
    assert modes == [module.training for module in network.modules()]
    assert hooks == [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]
    assert all(gradient is None or bool((gradient == 1).all()) for gradient in gradients)


@pytest.mark.parametrize("model_type", FAMILIES_OF_EVERY_STRATEGY)
def test_what_trains_gets_a_gradient_and_nothing_else_does(
    workbench: Callable[..., Any], strategy_text: str, task_name: str, model_type: str
) -> None:
    bench = bench_or_skip(workbench, model_type, task_name, strategy_text)
    flow = flow_of(bench, timed_steps=0)
    for part in flow.parts:
        assert (part.gradient_share is None) == (part.gradient_norm is None) == (part.trainable_parameters == 0)
        if part.trainable_parameters:
            assert part.gradient_share is not None and 0 < part.gradient_share <= 1 and part.gradient_norm, part
        assert part.unreached == ()
    assert not any("no gradient" in warning for warning in flow.warnings)


def test_the_parts_hold_all_parameters_from_input_to_head(
    workbench: Callable[..., Any], strategy_text: str, family: str
) -> None:
    bench = bench_or_skip(workbench, family, strategy=strategy_text)
    parts = flow_of(bench, timed_steps=0).parts
    sizes = {name: parameter.numel() for name, parameter in bench.network.named_parameters()}
    assert sum(part.parameters for part in parts) == sum(sizes.values())
    trained = sum(size for name, size in sizes.items() if bench.trainables.trains(name, 0))
    assert sum(part.trainable_parameters for part in parts) == trained
    assert [part.depth for part in parts] == sorted(part.depth for part in parts)
    assert parts[0].part == "embeddings" and parts[-1].part == "head"
    assert len({part.name for part in parts}) == len(parts)


def test_a_gradient_passes_where_something_below_trains(
    workbench: Callable[..., Any], strategy_text: str, task_name: str
) -> None:
    """Seen in the tensors of the step, and here derived from the places of what trains."""
    bench = bench_or_skip(workbench, "bert", task_name, strategy_text, layers=3)
    flow = flow_of(bench, timed_steps=0)
    order = {"embeddings": 0, "layer": 1, "adapter": 1, "top": 1, "head": 2}
    for part in flow.parts:
        below = [one for one in flow.parts if (one.depth, order[one.part]) < (part.depth, order[part.part])]
        below = [one for one in below if part.part == "head" or one.depth < part.depth]
        assert part.passes_through == any(one.trainable_parameters for one in below), part.name


def test_a_layer_that_is_applied_again_passes_its_gradient_to_itself(workbench: Callable[..., Any]) -> None:
    bench = workbench("albert", strategy="freeze:embeddings")
    by_name = {part.name: part for part in flow_of(bench, timed_steps=0).parts}
    assert by_name["layers 1-2 (shared)"].passes_through and not by_name["embeddings"].passes_through


def test_the_step_is_the_first_of_the_loop(workbench: Callable[..., Any], strategy_text: str, task_name: str) -> None:
    """Change of each part relative to its weights, where they changed; no dropout, no decay, no warm-up."""
    if task_name == "replaced-token":
        pytest.skip("its generator draws other tokens in every step")
    bench = bench_or_skip(
        workbench, "bert", task_name, strategy_text, dropout=0.0, weight_decay=0.0, max_steps=1, epochs=1, examples=8,
        train_sampling_strategy="sequential",
    )  # fmt: skip
    flow = flow_of(bench, timed_steps=0)
    before = bench.state()
    result = bench.run()
    assert bench.losses == pytest.approx([flow.loss], rel=1e-5)
    assert flow.operations.total == pytest.approx(result.state.flops, rel=1e-9)
    changes: dict[tuple[int, bool, bool], list[float]] = {}  # place: squares of the change and of the weights
    for name, after in bench.state().items():
        moved = after != before[name]
        sums = changes.setdefault(where(bench.anatomy.locate(name)), [0.0, 0.0])
        sums[0] += float((after - before[name]).double().square().sum())
        sums[1] += float((before[name] * moved).double().square().sum())
    for part in flow.parts:
        change, weights = changes[where(part)]
        assert (change > 0) == (part.trainable_parameters > 0)
        if part.update_size is not None:
            # Not to the last digit: a gradient of rounding size may move a weight in one and not in the other.
            assert part.update_size == pytest.approx(sqrt(change / weights), rel=1e-2), part.name


def where(one: Any) -> tuple[int, bool, bool]:
    """What parameters of one part have in common."""
    return one.depth, one.part == "adapter", one.part == "head"
