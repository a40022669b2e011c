"""Learning rates equal transformers' own, step by step."""

from __future__ import annotations

import warnings

import pytest
import torch
from transformers import TrainingArguments, get_scheduler

from unfreeze.training.schedule import late_warmup, multiplier, warmup_length


def theirs(name: str, total_steps: int, warmup: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total_steps)
    rates = []
    for _ in range(total_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(("ours", "name"), [("linear",) * 2, ("cosine",) * 2, ("constant", "constant_with_warmup")])
@pytest.mark.parametrize(("total_steps", "warmup"), [(1, 0), (10, 0), (10, 3), (10, 10), (5, 8), (100, 7)])
def test_schedules_equal_transformers(ours: str, name: str, total_steps: int, warmup: int) -> None:
    found = [multiplier(ours, step, total_steps, warmup) for step in range(total_steps)]  # type: ignore[arg-type]
    assert found == pytest.approx(theirs(name, total_steps, warmup), abs=1e-12)


@pytest.mark.parametrize("warmup_steps", [0, 0.0, 0.1, 0.06, 0.999, 1, 5])
@pytest.mark.parametrize("total_steps", [1, 7, 50, 333])
def test_warmup_means_what_the_stock_trainer_means(warmup_steps: float, total_steps: int, tmp_path: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = TrainingArguments(output_dir=str(tmp_path), warmup_steps=warmup_steps, use_cpu=True)
    assert warmup_length(warmup_steps, total_steps) == arguments.get_warmup_steps(total_steps)


def test_a_late_group_rises_from_zero_to_the_others() -> None:
    assert [late_warmup(step, 20, 4) for step in range(20, 26)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_group_that_trains_from_the_start_has_no_second_warmup() -> None:
    assert [late_warmup(step, 0, 4) for step in range(6)] == [1.0] * 6


def test_without_warmup_a_late_group_starts_at_full_rate() -> None:
    assert late_warmup(20, 20, 0) == 1.0
