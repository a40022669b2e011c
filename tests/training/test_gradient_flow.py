"""What a rehearsed step warns about, in numbers that are measured, and what it leaves unsaid."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from unfreeze.models.anatomy import Place
from unfreeze.strategies import Strategy
from unfreeze.training import step_time
from unfreeze.training.flops import step_cost
from unfreeze.training.gradient_flow import GradientFlow, gradient_flow
from unfreeze.training.part_flow import PartFlow
from unfreeze.training.step_time import Variant, step_seconds


@dataclass(frozen=True)
class Vectors(Strategy):
    """Biases and norms train, from a depth upwards."""

    name: ClassVar[str] = "vectors"
    lowest: int = 0

    def trains(self, place: Place, epoch: int) -> bool:
        return place.depth >= self.lowest and (place.name.endswith(".bias") or "LayerNorm" in place.name)


@dataclass(frozen=True)
class TopDown(Strategy):
    """One more layer from the top in each epoch; the head and the pooler from the start."""

    name: ClassVar[str] = "top_down"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.from_top <= epoch


def flow_of(bench: Any, learning_rate: float = 1e-3, scale: float = 1.0, **options: Any) -> GradientFlow:
    def loss(network: Any, batch: Any) -> torch.Tensor:
        total, units = bench.task.loss(network(**batch.inputs), batch)
        return torch.as_tensor(scale * total / units)

    values: dict[str, Any] = {"timed_steps": 0} | options
    return gradient_flow(bench.network, bench.trainables, loss, batch_of(bench), learning_rate, **values)


def batch_of(bench: Any) -> Any:
    return bench.collator(bench.train.encoded.features[:4])


def operations(bench: Any) -> float:
    """Of a step on the same batch, counted anew."""
    bench.trainables.apply(bench.network, 0)
    batch = batch_of(bench)
    return step_cost(bench.network, bench.anatomy, batch).of([len(window) for window in batch.features])


def parts_by_name(flow: GradientFlow) -> dict[str, PartFlow]:
    return {part.name: part for part in flow.parts}


@pytest.mark.parametrize("strategy", ["full", "head", "lora", "freeze:first=1", "freeze:embeddings", "freeze:first=2"])
def test_what_is_as_it_should_be_gives_no_warning(
    workbench: Callable[..., Any], strategy: str, task_name: str, family: str, families: dict[str, Any]
) -> None:
    if families[family].shares_layers and "first" in strategy:
        return  # refused: no single layers
    flow = flow_of(workbench(family, task_name, strategy))
    assert (flow.warnings, flow.changes) == ((), ())


@pytest.mark.parametrize(
    ("strategy", "frozen_too", "above"),
    [
        ("freeze:layers", "freeze:layers,embeddings=freeze", "the 3 frozen layers above them still cost"),
        ("freeze:last=3", "freeze:first=3", "the 3 frozen layers above them still cost"),
        ("freeze:first=1,embeddings=train", "freeze:first=1", "the frozen layer above still costs"),
    ],
)
def test_embeddings_under_frozen_layers_cost_what_is_measured(
    workbench: Callable[..., Any], strategy: str, frozen_too: str, above: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is that of steps really taken: with the embeddings as they are, and frozen too."""
    bench = workbench(strategy=strategy, layers=3)
    ratio = operations(bench) / operations(workbench(strategy=frozen_too, layers=3))
    assert ratio > 1
    taken = []

    def measured(variants: Sequence[Variant], repeats: int, *, device: str) -> list[float]:
        for variant in variants:
            before = bench.state()
            variant.prepare()
            variant.step()
            moved = {name for name, tensor in bench.state().items() if not torch.equal(tensor, before[name])}
            taken.append({bench.anatomy.locate(name).depth for name in moved})
        return [8.4 * repeats, 2.0 * repeats]

    monkeypatch.setattr("unfreeze.training.gradient_flow.step_seconds", measured)
    [warning] = flow_of(bench, timed_steps=5).warnings
    says = f"the embeddings train, so {above} a backward pass: "
    measured_time = "4.2x the step time of freezing them too (42.00 s against 10.00 s, medians of 5 steps)"
    assert warning == f"{says}{measured_time}, {ratio:.1f}x the operations"
    trained = {bench.anatomy.locate(name).depth for name in bench.state() if bench.trainables.trains(name, 0)}
    assert taken == [trained, trained - {0}]
    assert flow_of(bench).warnings == (f"{says}{ratio:.1f}x the operations of freezing them too",)


def test_real_steps_are_timed(workbench: Callable[..., Any]) -> None:
    [warning] = flow_of(workbench(strategy="freeze:layers"), timed_steps=2).warnings
    found = re.search(r"([\d.]+)x the step time of freezing them too \(([\d.]+) ms against ([\d.]+) ms, med", warning)
    assert found is not None, warning
    ratio, now, then = map(float, found.groups())
    assert ratio == pytest.approx(now / then, abs=0.06)


def test_shared_layers_are_counted_as_often_as_they_are_applied(workbench: Callable[..., Any]) -> None:
    [warning] = flow_of(workbench("albert", strategy="freeze:layers")).warnings
    assert warning.startswith("the embeddings train, so the 2 frozen layers above them")


@pytest.mark.parametrize(
    ("strategy", "named", "lowest"),
    [
        ("freeze:last=1", "layer 4 is frozen above", "freeze:first=1"),
        ("freeze:last=2", "layers 3-4 are frozen above", "freeze:first=2"),
        ("freeze:alternating", "layer 3 is frozen above", "freeze:first=2"),
    ],
)
def test_frozen_layers_above_trained_ones_spare_little(
    workbench: Callable[..., Any], strategy: str, named: str, lowest: str
) -> None:
    bench = workbench("bert", "tagging", strategy, layers=4)
    [warning] = flow_of(bench).warnings
    assert warning.startswith(named)
    thawed = workbench("bert", "tagging", "freeze:first=1" if "alternating" in strategy else "full", layers=4)
    now, instead = operations(bench), operations(workbench("bert", "tagging", lowest, layers=4))
    assert f"spares only {100 * (1 - now / operations(thawed)):.0f} % of a step's operations" in warning
    assert warning.endswith(f"frozen instead, a step takes {100 * (1 - instead / now):.0f} % fewer")
    assert instead < now


def test_a_pooler_that_nothing_reads_is_named(workbench: Callable[..., Any]) -> None:
    """As in a tagging network built with the pooler of the checkpoint."""
    bench = workbench("bert", "tagging")
    bench.network.bert.pooler = torch.nn.Linear(16, 16)
    bench.anatomy.places.update(
        {f"bert.pooler.{name}": Place(f"bert.pooler.{name}", "top", 3, 2) for name in ("weight", "bias")}
    )
    flow = flow_of(bench)
    assert flow.warnings == ("top (pooler) should train but got no gradient: the loss does not depend on it",)
    pooler = parts_by_name(flow)["top (pooler)"]
    assert (pooler.gradient_share, pooler.gradient_norm, pooler.update_size) == (0.0, 0.0, None)
    assert pooler.unreached == ("bert.pooler.weight", "bert.pooler.bias")


def test_adapters_in_a_layer_whose_output_is_not_used_are_named(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="lora", layers=3)
    layer = bench.network.get_submodule(bench.anatomy.layer_prefixes[-1])
    layer.register_forward_hook(lambda module, args, output: args[0])
    flow = flow_of(bench)
    assert flow.warnings == ("adapters in layer 3 should train but got no gradient: the loss does not depend on it",)


def test_single_weights_without_a_gradient_are_named(workbench: Callable[..., Any]) -> None:
    bench = workbench()
    bench.network.bert.encoder.layer[0].aside = torch.nn.Linear(2, 2)
    names = ["bert.encoder.layer.0.aside.weight", "bert.encoder.layer.0.aside.bias"]
    bench.anatomy.places.update({name: Place(name, "layer", 1, 2) for name in names})
    flow = flow_of(bench)
    assert flow.warnings == (
        f"{names[0]}, {names[1]} should train but got no gradient: the loss does not depend on it",
    )
    assert parts_by_name(flow)["layer 1"].unreached == tuple(names)


def test_a_gradient_of_zero_is_told_from_none(workbench: Callable[..., Any]) -> None:
    flow = flow_of(workbench(), scale=0.0)
    assert len(flow.warnings) == len(flow.parts)
    assert all(warning.endswith("got no gradient: its gradient is exactly zero") for warning in flow.warnings)


def test_vectors_at_the_price_of_everything(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy=Vectors(), layers=3)
    [warning] = flow_of(bench).warnings
    share = operations(bench) / operations(workbench(layers=3))
    assert 0.5 < share < 1
    assert warning.startswith("below the head only vectors train (") and "come down to the embeddings" in warning
    assert warning.endswith(f"a step still costs {100 * share:.0f} % of the operations of full fine-tuning")
    assert "come down to the lowest layer" in flow_of(workbench(strategy=Vectors(lowest=1), layers=3)).warnings[0]
    assert flow_of(workbench(strategy=Vectors(lowest=3), layers=3)).warnings == ()


@pytest.mark.parametrize(("learning_rate", "word"), [(1.0, "high"), (1e-9, "low")])
def test_updates_out_of_all_proportion(workbench: Callable[..., Any], learning_rate: float, word: str) -> None:
    bench = workbench(layers=3)
    [warning] = flow_of(bench, learning_rate).warnings
    assert warning.startswith(f"one step at the learning rate {learning_rate:g} changes embeddings, layers 1-3, ")
    assert warning.endswith(f"of their weights: the learning rate may be too {word}")
    sizes = [part.update_size for part in flow_of(bench, learning_rate).parts if part.update_size is not None]
    assert f"by {100 * min(sizes):.2g} to {100 * max(sizes):.2g} % of" in warning


def test_a_new_head_may_move_further_than_pretrained_weights(workbench: Callable[..., Any]) -> None:
    """At a rate that moves the head by more than a tenth of its size and by less than its size."""
    head = parts_by_name(flow_of(workbench(strategy="head"), 0.05))["head"]
    assert head.new and head.update_size is not None and 0.1 < head.update_size < 1
    assert flow_of(workbench(strategy="head"), 0.05).warnings == ()
    assert "changes embeddings, layers 1-2" in flow_of(workbench(), 0.05).warnings[0]


def test_an_infinite_loss_or_gradient_is_said_and_nothing_breaks(workbench: Callable[..., Any]) -> None:
    bench = workbench()
    before = bench.state()
    assert flow_of(bench, scale=float("nan")).warnings[0] == "the loss of this batch is nan: training would stop here"
    bench.network.classifier.weight.register_hook(lambda gradient: gradient * float("inf"))
    assert "a gradient is not a finite number: training would stop here" in flow_of(bench).warnings
    assert all(torch.equal(tensor, before[name]) for name, tensor in bench.state().items())


def test_the_table_is_of_one_epoch_and_lists_what_changes_later(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy=TopDown(), epochs=4)
    first, last = flow_of(bench), flow_of(bench, epoch=3)
    assert first.changes == (
        "epoch 2 starts to train layer 2",
        "epoch 3 starts to train layer 1",
        "epoch 4 starts to train embeddings",
    )
    assert last.changes == ()
    for flow, trained in ((first, {"top (pooler)", "head"}), (last, set(parts_by_name(last)))):
        assert {part.name for part in flow.parts if part.trainable_parameters} == trained


def test_timed_steps_take_turns_and_the_first_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: list[float] = [0.0]
    taken: list[str] = []
    costs = {"a": iter([100.0, 2.0, 9.0, 3.0]), "b": iter([100.0, 1.0, 1.0, 1.0])}
    monkeypatch.setattr(step_time, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def variant(name: str) -> Variant:
        def prepare() -> None:
            clock[0] += 1000.0

        def step() -> None:
            taken.append(name)
            clock[0] += next(costs[name])

        return Variant(prepare, step)

    assert step_seconds([variant("a"), variant("b")], 3) == [3.0, 1.0]
    assert taken == ["a", "b"] * 4
