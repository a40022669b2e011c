"""Counted operations equal those torch sees, and frozen layers cost less.

Compared are the matrix products of one training step (linear layers and attention, forward and backward), which is
what `torch.utils.flop_counter` counts too, on windows of one length (we do not count padding, torch does) and with
eager attention (the fused kernel of the CPU is not in torch's table).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch.utils.flop_counter import FlopCounterMode

from unfreeze.batching.features import Features
from unfreeze.training.flops import step_cost


def windows_of(bench: Any, lengths: list[int]) -> list[Features]:
    """Windows of these lengths, made of what the training set holds."""
    tagging = bench.task.name == "tagging"
    return [
        Features(i, [5] * length, [0] * length if tagging else [0], [*range(length)] if tagging else ())
        for i, length in enumerate(lengths)
    ]


def counted_by_torch(bench: Any, windows: list[Features]) -> float:
    bench.trainables.apply(bench.network, 0)
    bench.trainables.set_modes(bench.network, 0, frozen_dropout=False)
    with FlopCounterMode(display=False) as counter:
        batch = bench.collator(windows)
        loss, units = bench.task.loss(bench.network(**batch.inputs), batch)
        (loss / units).backward()
    return float(counter.get_total_flops())


def counted_by_us(bench: Any, windows: list[Features]) -> float:
    bench.trainables.apply(bench.network, 0)
    return step_cost(bench.network, bench.anatomy, bench.collator(windows)).of([len(window) for window in windows])


def bench_for_counting(workbench: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    bench = workbench(*arguments, **options)
    bench.network.set_attn_implementation("eager")
    return bench


@pytest.mark.parametrize("lengths", [[12] * 4, [3], [40] * 2])
def test_full_fine_tuning_equals_torchs_count(
    workbench: Callable[..., Any], task_name: str, lengths: list[int]
) -> None:
    bench = bench_for_counting(workbench, "bert", task_name, layers=3)
    windows = windows_of(bench, lengths)
    assert counted_by_us(bench, windows) == pytest.approx(counted_by_torch(bench, windows), rel=1e-3)


def test_every_family_equals_torchs_count(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    bench = bench_for_counting(workbench, family, task_name)
    windows = windows_of(bench, [12] * 4)
    assert counted_by_us(bench, windows) == pytest.approx(counted_by_torch(bench, windows), rel=1e-3)


def test_every_strategy_is_near_torchs_count(workbench: Callable[..., Any], strategy_text: str, task_name: str) -> None:
    """Within 5 %: of attention we count all products backward or none, torch those a gradient needs."""
    bench = bench_for_counting(workbench, "bert", task_name, strategy_text)
    windows = windows_of(bench, [12] * 4)
    assert counted_by_us(bench, windows) == pytest.approx(counted_by_torch(bench, windows), rel=0.05)


def test_freezing_more_costs_less(workbench: Callable[..., Any], task_name: str) -> None:
    costs = []
    for text in ("freeze:first=0", "freeze:embeddings", *(f"freeze:first={k}" for k in (1, 2, 3)), "head"):
        bench = workbench("bert", task_name, text, layers=3)
        costs.append(counted_by_us(bench, windows_of(bench, [12] * 4)))
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) >= 5
    assert costs[-1] < 0.4 * costs[0]


def test_freezing_upper_layers_spares_only_weight_gradients(workbench: Callable[..., Any]) -> None:
    bottom, top, full = (
        counted_by_us(bench, windows_of(bench, [12] * 4))
        for bench in (workbench(strategy=text, layers=4) for text in ("freeze:first=2", "freeze:last=2", "full"))
    )
    assert bottom < top < full


def test_a_run_adds_up_its_steps(workbench: Callable[..., Any]) -> None:
    bench = workbench(epochs=2)
    per_epoch = step_cost(bench.network, bench.anatomy, bench.collator(bench.train.encoded.features[:8]))
    lengths = [len(window) for window in bench.train.encoded.features]
    assert bench.run().flops == pytest.approx(2 * per_epoch.of(lengths), rel=1e-9)


def test_counting_leaves_no_trace(workbench: Callable[..., Any]) -> None:
    """Neither hooks, nor gradients, nor a moved random generator."""
    import torch

    bench = workbench()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    counted_by_us(bench, windows_of(bench, [12]))
    assert torch.equal(torch.rand(1), expected)
    assert not any(module._forward_hooks for module in bench.network.modules())
    assert all(parameter.grad is None for parameter in bench.network.parameters())
