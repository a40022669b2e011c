"""A parameter that does not train in an epoch is bit-identical after it; everything that trains moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch

from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.models.anatomy import Place
from unfreeze.strategies import Strategy

# What a family cannot follow: tests/strategies/test_refusals.py.
REFUSED = {
    "albert": ("first=", "last=", "top=", "alternating", "gradual", "llrd"),
    "modernbert": ("bitfit",),
}


class Watch:
    """In place of the evaluation at each epoch's end: keeps a copy of the weights, and calls every epoch the best."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.states = [bench.state()]

    def __call__(self, network: Any) -> Evaluation:
        self.states.append(self.bench.state())
        return Evaluation(
            {self.bench.options.metric_for_best_model: float(len(self.states))}, {}, [], 0.0, self.bench.task
        )

    def check(self) -> None:
        """The law, epoch by epoch."""
        trainables = self.bench.trainables
        for epoch, (before, after) in enumerate(zip(self.states, self.states[1:], strict=False)):
            same = {name for name in before if torch.equal(before[name], after[name])}
            assert same == {name for name in before if not trainables.trains(name, epoch)}, f"epoch {epoch}"
        assert len(self.states) == 1 + self.bench.options.epochs


def train_and_check(bench: Any) -> None:
    watch = Watch(bench)
    buffers = {name: buffer.clone() for name, buffer in bench.network.named_buffers()}
    bench.trainer(evaluate=watch).train(bench.train.encoded.features)
    watch.check()
    for name, buffer in bench.network.named_buffers():
        assert torch.equal(buffer, buffers[name])
    final = bench.state()
    assert all(torch.equal(final[name], watch.states[-1][name]) for name in final)


def test_every_strategy_on_every_task(workbench: Callable[..., Any], strategy_text: str, task_name: str) -> None:
    train_and_check(workbench("bert", task_name, strategy_text))


def test_every_family_fully_on_every_task(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    train_and_check(workbench(family, task_name))


def test_every_family_with_every_strategy(workbench: Callable[..., Any], family: str, strategy_text: str) -> None:
    if any(word in strategy_text for word in REFUSED.get(family, ())):
        return
    train_and_check(workbench(family, "classification", strategy_text))


@dataclass(frozen=True)
class ComesAndGoes(Strategy):
    """The layers train in the second epoch only: AdamW's momentum must not move them in the third."""

    name: ClassVar[str] = "comes_and_goes"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part != "layer" or epoch == 1


def test_what_freezes_again_stands_still(workbench: Callable[..., Any]) -> None:
    train_and_check(workbench("bert", "classification", ComesAndGoes(), epochs=3))


@pytest.mark.parametrize("strategy", ["head", "lora", "freeze:first=2"])
def test_new_weights_train_whatever_the_strategy_says(
    workbench: Callable[..., Any], family_folder: Callable[..., str], strategy: str
) -> None:
    """A checkpoint without pooler: frozen it would stay random, and a reloaded model answers at random."""
    model = family_folder("bert", auto_class="AutoModelForMaskedLM")
    bench = workbench("bert", "classification", strategy, model=model)
    assert "bert.pooler.dense.weight" in bench.trainables.new_parameters
    before = bench.state()
    train_and_check(bench)
    assert not torch.equal(before["bert.pooler.dense.weight"], bench.network.bert.pooler.dense.weight)


def test_new_weights_are_in_the_checkpoint(workbench: Callable[..., Any], family_folder: Callable[..., str]) -> None:
    from safetensors.torch import load_file

    model = family_folder("bert", auto_class="AutoModelForMaskedLM")
    bench = workbench("bert", "classification", "head", model=model)
    bench.run()
    [file] = bench.folder.glob("newest-best-*.safetensors")
    saved = load_file(file)
    assert saved.keys() == bench.trainables.new_parameters
