"""What a teacher adds to the loss."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.functional import kl_div

from unfreeze.acceleration.speedups import OFF, Speedups
from unfreeze.tasks import TaskError
from unfreeze.tasks.cross_entropy import summed_divergence
from unfreeze.training.flops import step_cost
from unfreeze.training.teacher import TaughtCriterion

TEMPERATURE = 2.5


def taught(bench: Any, teacher: Any, **changes: Any) -> TaughtCriterion:
    values = {"speedups": OFF, "temperature": TEMPERATURE, "alpha": 1.0, "hidden": 0.0}
    cost = step_cost(teacher, bench.anatomy, bench.collator(bench.train.encoded.features[:1]))
    return TaughtCriterion(bench.task, teacher=teacher.eval(), cost=cost, **(values | changes))


def other(bench: Any) -> Any:
    """The network of a workbench, moved a little."""
    network = deepcopy(bench.network).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


def loss_of(criterion: TaughtCriterion, bench: Any, windows: Any, speedups: Speedups = OFF) -> tuple[Any, Any]:
    batch = bench.collator(windows)
    with criterion.watching(bench.network):
        return criterion(speedups.forward(bench.network, batch), batch)


def hooks(*benches: Any) -> int:
    """transformers leaves some of its own."""
    return sum(len(module._forward_hooks) for one in benches for module in one.network.modules())


def test_who_says_what_the_teacher_says_has_nothing_to_learn(workbench: Callable[..., Any], task_name: str) -> None:
    bench = workbench("bert", task_name, dropout=0.0, examples=8)
    bench.network.eval()
    windows = bench.train.encoded.features[:6]
    if task_name == "replaced-token":
        with pytest.raises(TaskError, match="nothing to learn from a teacher"):
            loss_of(taught(bench, deepcopy(bench.network)), bench, windows)
        return
    total, units = loss_of(taught(bench, deepcopy(bench.network), hidden=3.0), bench, windows)
    assert float(total.detach()) == pytest.approx(0.0, abs=1e-4)
    assert float(units) == float(
        bench.task.loss(bench.network(**bench.collator(windows).inputs), bench.collator(windows))[1]
    )
    total.backward()
    gradients = [one.grad for one in bench.network.parameters() if one.grad is not None]
    assert gradients and all(float(one.abs().max()) < 1e-4 for one in gradients)
    apart, _ = loss_of(taught(bench, other(bench)), bench, windows)
    assert float(apart.detach()) > 1e-3


@pytest.mark.parametrize("hidden", [0.0, 2.0])
def test_the_loss_is_a_sum_over_windows_however_they_are_cut(
    workbench: Callable[..., Any], task_name: str, hidden: float
) -> None:
    if task_name == "replaced-token":
        pytest.skip("has no teacher")
    bench = workbench("bert", task_name, dropout=0.0, examples=8)
    criterion = taught(bench, other(bench), alpha=0.3, hidden=hidden)
    windows = bench.train.encoded.features[:6]
    whole = loss_of(criterion, bench, windows)
    parts = [loss_of(criterion, bench, [one]) for one in windows]
    for i in range(2):
        torch.testing.assert_close(sum(one[i] for one in parts), whole[i], rtol=1e-4, atol=1e-5)
    if hidden:  # the layers run with their padding
        return
    unpadded = loss_of(replace(criterion, speedups=Speedups()), bench, windows, Speedups())
    torch.testing.assert_close(unpadded[0], whole[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_divergence_is_torchs(weighted: bool) -> None:
    torch.manual_seed(0)
    own, theirs = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)
    labels = torch.tensor([0, 2, -100, 1, 1])
    label_weights, item_weights = (torch.tensor([1.0, 2.0, 0.5]), torch.rand(5)) if weighted else (None, None)
    found = summed_divergence(own, theirs, labels, TEMPERATURE, label_weights, item_weights)
    expected = torch.tensor(0.0)
    for i in (0, 1, 3, 4):
        one = kl_div((own[i] / TEMPERATURE).log_softmax(0), (theirs[i] / TEMPERATURE).softmax(0), reduction="sum")
        weight = label_weights[labels[i]] * item_weights[i] if weighted else 1.0  # type: ignore[index]
        expected = expected + TEMPERATURE**2 * weight * one
    torch.testing.assert_close(found, expected)


def test_places_where_there_is_no_choice_have_no_gradient() -> None:
    own = torch.tensor([[0.5, 1.0, -torch.inf]]).requires_grad_()
    theirs = torch.tensor([[2.0, -1.0, -torch.inf]])
    total = summed_divergence(own, theirs, torch.tensor([0]), 1.0)
    total.backward()
    assert own.grad is not None and torch.isfinite(own.grad).all() and torch.isfinite(total)
    torch.testing.assert_close(own.grad[0, :2], own[0, :2].softmax(0) - theirs[0, :2].softmax(0))


def test_hidden_states_are_compared_at_the_same_share_of_the_depth(workbench: Callable[..., Any]) -> None:
    bench, deep = workbench("bert", layers=2, dropout=0.0), workbench("bert", layers=4, dropout=0.0)
    bench.network.eval()
    windows = bench.train.encoded.features[:5]
    batch = bench.collator(windows)
    with torch.no_grad():
        states = [
            one(**batch.inputs, output_hidden_states=True).hidden_states for one in (bench.network, deep.network.eval())
        ]
    pairs = [(states[0][1], states[1][2]), (states[0][2], states[1][4])]
    expected = sum(
        float((a[row, : len(window)] - b[row, : len(window)]).square().mean()) / 2
        for a, b in pairs
        for row, window in enumerate(windows)
    )
    values, before = {"alpha": 0.0, "hidden": 2.0}, hooks(bench, deep)
    plain, _ = loss_of(taught(bench, deep.network, **(values | {"hidden": 0.0})), bench, windows)
    total, _ = loss_of(taught(bench, deep.network, **values), bench, windows)
    assert float((total - plain).detach()) == pytest.approx(2.0 * expected, rel=1e-4)
    assert hooks(bench, deep) == before


def test_a_teacher_stays_as_it_is_and_its_work_is_counted(workbench: Callable[..., Any]) -> None:
    bench, alone = (workbench("bert", "classification", "full") for _ in range(2))
    teacher = other(bench)
    before = {name: one.clone() for name, one in teacher.state_dict().items()}
    features = bench.train.encoded.features
    result = bench.trainer(criterion=taught(bench, teacher, alpha=0.5, hidden=0.1)).train(features)
    assert all(torch.equal(before[name], one) for name, one in teacher.state_dict().items())
    plain = alone.trainer().train(features)
    assert not all(torch.equal(a, b) for a, b in zip(bench.state().values(), alone.state().values(), strict=True))
    # Forward is a third of what full fine-tuning computes, and the teacher is as large.
    assert result.state.flops == pytest.approx(plain.state.flops * 4 / 3, rel=0.02)
