"""When the loop evaluates, which weights it keeps, when it stops, and what it does with a loss that is no number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.tasks import Classification
from unfreeze.training.criterion import Criterion
from unfreeze.training.step import Diverged


@pytest.mark.parametrize("strategy", ["full", "gradual", "lora:r=2"])
@pytest.mark.parametrize("at", [1, 2, 5, 8])
def test_memory_that_runs_out_for_the_moments_counts_no_step_twice(
    workbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, strategy: str, at: int
) -> None:
    """AdamW's moments are made when a parameter trains for the first time, in the middle of a run as well."""
    expected = workbench(strategy=strategy, dropout=0.0)  # smaller micro-batches drop out elsewhere
    expected.run()
    bench, calls, real = workbench(strategy=strategy, dropout=0.0), 0, torch.zeros_like

    def zeros_like(*args: Any, **kwargs: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == at:
            raise torch.OutOfMemoryError("DefaultCPUAllocator: can't allocate memory")
        return real(*args, **kwargs)

    trainer = bench.trainer()
    with monkeypatch.context() as patched:
        patched.setattr(torch, "zeros_like", zeros_like)
        trainer.train(bench.train.encoded.features)
    assert sum("did not fit into memory" in note for note in trainer.result.state.notes) == 1
    found = bench.state()
    for name, weights in expected.state().items():
        if "key.bias" not in name:  # their gradient is zero in exact arithmetic
            torch.testing.assert_close(found[name], weights, rtol=0, atol=1e-4)


def test_memory_that_runs_out_while_weights_change_ends_the_run(
    workbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("DefaultCPUAllocator: can't allocate memory")

    bench = workbench()
    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(torch.OutOfMemoryError):
        bench.run()


class Scripted:
    """In place of the evaluation: gives out these scores, and keeps the weights it saw."""

    def __init__(self, bench: Any, scores: list[float]) -> None:
        self.bench, self.scores, self.states = bench, iter(scores), []

    def __call__(self, network: Any) -> Evaluation:
        self.states.append(self.bench.state())
        return Evaluation({self.bench.options.metric_for_best_model: next(self.scores)}, {}, [], 0.0, self.bench.task)


def train(bench: Any, scores: list[float]) -> tuple[Any, Scripted]:
    scripted = Scripted(bench, scores)
    return bench.trainer(evaluate=scripted).train(bench.train.encoded.features), scripted


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("strategy", ["full", "head", "lora"])
def test_the_best_weights_are_left_in_the_network(workbench: Callable[..., Any], strategy: str) -> None:
    bench = workbench(strategy=strategy, epochs=4)
    result, scripted = train(bench, [0.1, 0.7, 0.7, 0.5])
    assert same(bench.state(), scripted.states[1])
    assert not same(bench.state(), scripted.states[2])
    assert (result.state.best_epoch, result.state.epochs_begun, result.state.step, result.converged) == (
        2.0,
        4,
        12,
        True,
    )
    assert not any(module.training for module in bench.network.modules())


def test_patience_ends_the_run(workbench: Callable[..., Any]) -> None:
    bench = workbench(epochs=10, early_stopping_patience=2)
    result, scripted = train(bench, [0.1, 0.5, 0.4, 0.5, 0.9])
    assert (result.state.epochs_begun, result.state.step, result.state.best_epoch) == (4, 12, 2.0)
    assert same(bench.state(), scripted.states[1])


def test_patience_ends_the_run_between_epochs(workbench: Callable[..., Any]) -> None:
    bench = workbench(epochs=5, early_stopping_patience=1, eval_strategy="steps", eval_steps=2)
    result, scripted = train(bench, [0.5, 0.4, 0.9])
    assert (result.state.step, result.state.epochs_begun) == (4, 2)
    assert same(bench.state(), scripted.states[0])


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"epochs": 3}, [3, 6, 9]),
        ({"epochs": 3, "max_steps": 5}, [3, 5]),
        ({"epochs": 2, "eval_strategy": "steps", "eval_steps": 4}, [4, 6]),
        ({"epochs": 1, "max_steps": 100}, [3]),
        ({"epochs": 2, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}, [3, 6]),
        ({"epochs": 1, "examples": 25}, [4]),  # a last batch of one
    ],
)
def test_evaluations_come_when_asked_and_at_the_end(
    workbench: Callable[..., Any], options: dict[str, Any], steps: list[int]
) -> None:
    result, _ = train(workbench(**options), [0.1 * i for i in range(9)])
    assert [entry["step"] for entry in result.state.history] == steps
    assert result.state.step == steps[-1]


def test_a_run_that_still_rises_says_so(workbench: Callable[..., Any]) -> None:
    assert train(workbench(epochs=2), [0.1, 0.7])[0].converged is False
    assert train(workbench(epochs=1), [0.1])[0].converged is None


def test_the_result_counts_what_was_done(workbench: Callable[..., Any]) -> None:
    bench = workbench(epochs=2)
    result = bench.run()
    assert result.state.tokens == 2 * bench.train.encoded.num_tokens
    assert result.train_seconds > 0
    assert result.evaluate_seconds > 0
    assert result.state.seconds_to_best <= result.state.history[-1]["seconds"] + 1e-3
    assert len(bench.losses) == 6
    assert all(entry["train_loss"] > 0 for entry in result.state.history)


@dataclass(frozen=True)
class BreaksDown(Classification):
    """The loss is no number from the given call on."""

    calls: Any = None
    good: int = 0
    factor: float = float("nan")

    def loss(self, outputs: Any, batch: Any, label_weights: Any = None) -> Any:
        total, units = super().loss(outputs, batch, label_weights)
        self.calls.append(1)
        return (total if len(self.calls) <= self.good else total * self.factor), units


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
@pytest.mark.parametrize(("good", "accumulation"), [(0, 1), (2, 1), (3, 2)])
def test_a_loss_that_is_no_number_does_not_touch_the_weights(
    workbench: Callable[..., Any], factor: float, good: int, accumulation: int
) -> None:
    size = 8 // accumulation
    bench = workbench(per_device_train_batch_size=size, gradient_accumulation_steps=accumulation)
    after_each_step = [bench.state()]
    trainer = bench.trainer(
        criterion=Criterion(BreaksDown(calls=[], good=good, factor=factor)),
        on_progress=lambda progress: after_each_step.append(bench.state()),
    )
    steps_done = good // accumulation
    with pytest.raises(Diverged, match=f"step {steps_done + 1}: loss (nan|inf|-inf), gradient norm"):
        trainer.train(bench.train.encoded.features)
    assert len(after_each_step) == 1 + steps_done
    assert same(bench.state(), after_each_step[-1])
    assert all(torch.isfinite(weight).all() for weight in bench.state().values())
    assert all(parameter.grad is None for parameter in bench.network.parameters())


def test_a_far_too_high_rate_is_noticed(workbench: Callable[..., Any]) -> None:
    bench = workbench(learning_rate=1e38, epochs=20)
    with pytest.raises(Diverged):
        train(bench, [0.0] * 20)


def test_without_a_labelled_word_a_step_changes_nothing(workbench: Callable[..., Any]) -> None:
    from dataclasses import replace

    bench = workbench(task_name="tagging", epochs=1)
    silent = [replace(window, labels=[-100] * len(window)) for window in bench.train.encoded.features]
    before = bench.state()
    scripted = Scripted(bench, [0.5])
    bench.trainer(evaluate=scripted).train(silent)
    assert same(before, bench.state())
