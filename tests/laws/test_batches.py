"""How examples are put into batches changes rounding at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from unfreeze.acceleration.speedups import OFF, Speedups
from unfreeze.training.criterion import Criterion
from unfreeze.training.step import OptimizerStep


@pytest.mark.parametrize("sampling", ["random", "group_by_length"])
@pytest.mark.parametrize(("size", "accumulation"), [(4, 2), (2, 4), (1, 8)])
def test_accumulation_equals_one_big_batch(
    workbench: Callable[..., Any], task_name: str, size: int, accumulation: int, sampling: str
) -> None:
    """22 examples in batches of 8: the last one is short."""
    if task_name == "replaced-token":
        pytest.skip("its generator draws other tokens for every micro-batch")

    def trained(size: int, accumulation: int) -> Any:
        bench = workbench(
            "bert",
            task_name,
            dropout=0.0,
            examples=22,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=accumulation,
            train_sampling_strategy=sampling,
        )
        # AdamW makes a step of full length of rounding noise where the true gradient is zero (the bias of the keys).
        bench.network.double()
        bench.run()
        return bench

    whole, parts = trained(8, 1), trained(size, accumulation)
    assert parts.losses == pytest.approx(whole.losses, abs=1e-6)
    expected = whole.state()
    for name, found in parts.state().items():
        torch.testing.assert_close(found, expected[name], rtol=0, atol=1e-6)


def test_accumulated_gradients_equal_those_of_one_batch_for_uneven_units(workbench: Callable[..., Any]) -> None:
    """Dividing each micro-batch by its own number of words would weight short sentences more; this one sees it."""

    def gradients(size: int) -> dict[str, torch.Tensor]:
        bench = workbench("bert", "tagging", dropout=0.0, per_device_train_batch_size=size)
        found: dict[str, torch.Tensor] = {}

        def keep(self: OptimizerStep, parameters: Any, norm: float) -> None:
            named = bench.network.named_parameters()
            found.update({name: p.grad.clone() for name, p in named if p.grad is not None})

        windows = bench.train.encoded.features[:8]
        bench.trainables.apply(bench.network, 0)
        optimizer = torch.optim.SGD(bench.network.parameters(), lr=1.0)
        criterion = Criterion(bench.task)
        step = OptimizerStep(
            bench.network, criterion, bench.collator, OFF, bench.options, optimizer, None, None, print, tuple
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OptimizerStep, "_update", keep)
            step.make(windows, range(8), 0)
        return found

    whole, parts = gradients(8), gradients(3)
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("speedups", [OFF, Speedups()], ids=["plain", "unpadded"])
def test_predictions_do_not_depend_on_their_batch(
    workbench: Callable[..., Any], family: str, task_name: str, speedups: Speedups
) -> None:
    """One window at a time, without padding, against all windows padded to the longest."""
    found = []
    for tokens_per_batch in (1, 64, 10**6):
        bench = workbench(family, task_name, tokens_per_batch=tokens_per_batch, speedups=speedups)
        found.append(bench.evaluate(bench.network))
    lengths = {len(window) for window in bench.validation.encoded.features}
    assert len(lengths) > 3, "nothing would be padded"
    for other in found[1:]:
        said = [[p.predicted for p in one.predictions] for one in (other, found[0])]
        assert said[0] == (pytest.approx(said[1], abs=1e-5) if task_name == "regression" else said[1])
        assert [p.example for p in other.predictions] == list(range(len(bench.validation.examples)))
        for one, alone in zip(other.predictions, found[0].predictions, strict=True):
            assert one.scores == pytest.approx(alone.scores, abs=1e-5)
        assert other.metrics == pytest.approx(found[0].metrics, abs=1e-5)


def test_what_strategies_add_does_not_see_the_padding(
    workbench: Callable[..., Any], strategy_text: str, task_name: str
) -> None:
    """With weights as after some training: adapters start without effect."""
    bench = workbench("bert", task_name, strategy_text, epochs=1, learning_rate=1e-2)
    bench.run()
    windows = bench.validation.encoded.features
    longest = max(map(len, windows))
    with torch.no_grad():
        for window in windows:
            alone = bench.logits([window])
            padded = bench.logits([window, max(windows, key=len)])[:1]
            padded = padded[:, : len(window)] if padded.dim() == 3 else padded
            torch.testing.assert_close(padded, alone, rtol=1e-4, atol=1e-5)
    assert min(map(len, windows)) < longest, "nothing was padded"


def test_padding_does_not_reach_the_loss(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    bench = workbench(family, task_name, dropout=0.0)
    windows = sorted(bench.train.encoded.features, key=len)
    few = [windows[0], windows[1], windows[-1]]
    assert len(few[0]) < len(few[-1])

    def loss_and_gradient(groups: list[list[Any]]) -> tuple[float, torch.Tensor]:
        bench.network.zero_grad()
        total = 0.0
        for group in groups:
            batch = bench.collator(group)
            loss, _ = bench.task.loss(bench.network(**batch.inputs), batch)
            loss.backward()
            total += float(loss.detach())
        name = next(name for name, place in bench.anatomy.places.items() if place.part == "layer" and "weight" in name)
        return total, bench.network.get_parameter(name).grad.clone()

    together, alone = loss_and_gradient([few]), loss_and_gradient([[window] for window in few])
    assert together[0] == pytest.approx(alone[0], rel=1e-6, abs=1e-5)
    torch.testing.assert_close(together[1], alone[1], rtol=1e-4, atol=1e-5)


def test_evaluation_leaves_modes_and_generators_to_training(workbench: Callable[..., Any]) -> None:
    """Evaluating more often must not change what training does."""

    def weights(**options: Any) -> dict[str, torch.Tensor]:
        bench = workbench(strategy="freeze:first=1", **options)
        states = []

        def rising(network: Any) -> Any:
            evaluation = bench.evaluate(network)
            states.append(bench.state())
            evaluation.metrics[bench.options.metric_for_best_model] = float(len(states))
            return evaluation

        bench.trainer(evaluate=rising).train(bench.train.encoded.features)
        return states[-1]

    seldom, often = weights(), weights(eval_strategy="steps", eval_steps=1)
    assert all(torch.equal(seldom[name], often[name]) for name in seldom)
