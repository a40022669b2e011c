"""The same seed gives the same weights and metrics, bit by bit; another seed others."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch


def outcome(bench: Any) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]], list[float]]:
    # History must not matter: each run starts from another state of every generator.
    random.seed()
    torch.seed()
    result = bench.run()
    history = [
        {key: value for key, value in entry.items() if not key.endswith("seconds")} for entry in result.state.history
    ]
    return bench.state(), history, bench.losses


def test_same_seed_same_result(workbench: Callable[..., Any], strategy_text: str, task_name: str) -> None:
    first, second = (outcome(workbench("bert", task_name, strategy_text, seed=3)) for _ in range(2))
    assert first[0].keys() == second[0].keys()
    assert all(torch.equal(first[0][name], second[0][name]) for name in first[0])
    assert first[1:] == second[1:]


def test_same_seed_in_every_family(workbench: Callable[..., Any], family: str) -> None:
    first, second = (outcome(workbench(family, seed=3)) for _ in range(2))
    assert all(torch.equal(first[0][name], second[0][name]) for name in first[0])
    assert first[1:] == second[1:]


def test_another_seed_another_result(workbench: Callable[..., Any], strategy_text: str) -> None:
    first, second = (outcome(workbench(strategy=strategy_text, seed=seed)) for seed in (3, 4))
    head = "classifier.weight"
    assert not torch.equal(first[0][head], second[0][head])
    assert first[2] != second[2]


def test_the_seed_reaches_order_and_dropout(workbench: Callable[..., Any]) -> None:
    """From one and the same network: only the loop's seed differs."""

    def losses(seed: int, **options: Any) -> list[float]:
        bench = workbench(seed=seed, **options)
        bench.network.load_state_dict(start)
        bench.run()
        return list(bench.losses)

    start = workbench(seed=0).network.state_dict()
    assert losses(1, train_sampling_strategy="sequential") != losses(2, train_sampling_strategy="sequential")
    assert losses(1, dropout=0.0) != losses(2, dropout=0.0)
    everything = {"train_sampling_strategy": "sequential", "dropout": 0.0}
    assert losses(1, **everything) == losses(2, **everything)
