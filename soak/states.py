"""Runs of this process that are interrupted, lack memory or meet numbers that are not finite: trials 4 to 6, 10, 11."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from soak.stock import StockRun
from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import STRATEGIES, TASKS, make_data, make_model
from unfreeze.acceleration.speedups import Speedups
from unfreeze.experiments.ask import ask
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.prepare import Prepared
from unfreeze.settings import Settings
from unfreeze.strategies import STRATEGIES as KNOWN
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training import checkpoint
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.loop import Trainer
from unfreeze.training.step import Diverged, OptimizerStep
from unfreeze.training.stopping import AskedToStop

Numbers = dict[str, torch.Tensor]


@dataclass
class Bench:
    """One task with its data, ready to be trained again and again."""

    folder: Path
    settings: Settings
    prepared: Prepared

    def trainer(self, strategy: str, folder: Path, *, every: int = 1) -> Trainer:
        """One run, with its states in a folder."""
        [chosen] = parse_strategies(strategy, KNOWN)
        return build_trainer(chosen, 1, self.prepared, self.settings, Checkpoints(folder, every))

    def finish(self, trainer: Trainer) -> Numbers:
        """Train to the end; the weights, and every score of every evaluation, in one table."""
        result = trainer.train(self.prepared.train.encoded.features)
        numbers = {name: one.detach().clone() for name, one in trainer.network.named_parameters()}
        for i, entry in enumerate(result.state.history):
            scores = {**entry["validation"], "train_loss": entry["train_loss"], "epoch": entry["epoch"]}
            numbers[f"evaluation {i}"] = torch.tensor([scores[name] for name in sorted(scores)], dtype=torch.float64)
        assert result.best is not None
        numbers["best"] = torch.tensor(sorted(result.best.metrics.values()), dtype=torch.float64)
        return numbers

    def fresh(self) -> Path:
        """A folder that nobody has used."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / "run"


def bench(folder: Path, task: str, *, examples: int = 48, **settings: Any) -> Bench:
    """Six steps an epoch, three epochs, dropout on; settings go before."""
    values: dict[str, Any] = {
        "model": str(_model()), "data": str(make_data(folder / task, task, examples)), "precision": "fp32",
        "epochs": 3, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "max_length": 32,
        "early_stopping_patience": None, "speedups": "off", "warmup_steps": 0.0,
    }  # fmt: skip
    chosen = Settings(**(values | settings))
    _, [prepared], _ = ask(chosen, Listener())
    return Bench(folder, chosen, prepared)


@cache
def _model() -> Path:
    import atexit

    folder = tempfile.TemporaryDirectory(prefix="soak-model-")
    atexit.register(folder.cleanup)
    return make_model(Path(folder.name))


def same(one: Numbers, other: Numbers) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@contextmanager
def _all_states_kept() -> Iterator[None]:
    with patch.object(checkpoint, "KEPT", 10**6):
        yield


def _from_every_state(made: Bench, strategy: str, tally: Tally, *, thin: int = 1) -> None:
    whole = made.fresh()
    with _all_states_kept():
        expected = made.finish(made.trainer(strategy, whole))
    states = sorted(whole.glob("step-*"))
    for state in states[::thin]:
        step = int(state.name.removeprefix("step-"))
        here = made.fresh()
        for kept in (state, *(one for one in whole.glob("best-*") if int(one.name.removeprefix("best-")) <= step)):
            shutil.copytree(kept, here / kept.name)
        resumed = made.trainer(strategy, here)
        tally.add(same(made.finish(resumed), expected), f"{made.prepared.task.name} {strategy} from step {step}")
        shutil.rmtree(here)
    shutil.rmtree(whole)


def resume_from_every_step(ground: Ground) -> Figure:
    """Mid-epoch, at an epoch's last batch, after an evaluation: the end is that of the uninterrupted run."""
    tally = Tally()
    for task in TASKS:
        made = bench(ground.folder, task)
        for strategy in STRATEGIES:
            _from_every_state(made, strategy, tally, thin=ground.times(7, 1))
    stock = "" if ground.short else StockRun(ground.folder).resumed()
    return tally.figure(f"{len(STRATEGIES)} strategies, {len(TASKS)} tasks, dropout on", stock)


def ten_interruptions(ground: Ground) -> Figure:
    """Asked to stop ten times in one run, between micro-batches too: every example is trained on once an epoch."""
    tally, draw = Tally(), ground.random("interruptions")
    for strategy in STRATEGIES[:: ground.times(3, 1)]:
        made = bench(ground.folder, "classification", per_device_train_batch_size=4, gradient_accumulation_steps=2)
        expected = made.finish(made.trainer(strategy, made.fresh()))
        folder, seen, left = made.fresh(), [], 10
        finished: Numbers | None = None
        while finished is None:
            trainer = made.trainer(strategy, folder, every=10**6)
            until = draw.randint(1, 6) if left else 10**9
            left -= 1
            with _stopped_after(until, seen):
                try:
                    finished = made.finish(trainer)
                except AskedToStop:
                    continue
        tally.add(same(finished, expected), f"{strategy}: another end")
        each = [seen.count(i) for i in range(len(made.prepared.train.examples))]
        tally.add(set(each) == {3}, f"{strategy}: examples seen {sorted(set(each))} times in 3 epochs")
    return tally.figure("0 examples left out, 0 seen twice")


@contextmanager
def _stopped_after(micro_batches: int, seen: list[int]) -> Iterator[None]:
    """The run is asked to stop before one of its micro-batches; `seen` gets the examples of whole steps."""
    real = OptimizerStep.make
    done = 0

    def interrupt() -> None:
        nonlocal done
        if done >= micro_batches:
            raise AskedToStop
        done += 1

    def make(self: OptimizerStep, features: Any, indices: Sequence[int], step: int) -> Any:
        made = real(replace_interrupt(self, interrupt), features, indices, step)
        seen.extend(features[i].example for i in indices)
        return made

    with patch.object(OptimizerStep, "make", make):
        yield


def replace_interrupt(step: OptimizerStep, interrupt: Callable[[], object]) -> OptimizerStep:
    """The same step, asked at other times."""
    step.interrupt = interrupt
    return step


def with_all_levers(ground: Ground) -> Figure:
    """Unpadded, compact vocabulary, frozen layers from the cache: resumed equals uninterrupted; damage is seen."""
    tally = Tally()
    with patch.dict("os.environ", {"UNFREEZE_CACHE": str(ground.folder / "cache")}):
        made = bench(ground.folder, "classification", speedups="unpad+compact+cache")
        for strategy in ("full", "head", "freeze:first=1", "lora:r=2"):
            _from_every_state(made, strategy, tally, thin=ground.times(7, 1))
        for damage in ("cut", "flipped", "foreign"):
            folder = made.fresh()
            expected = made.finish(made.trainer("freeze:first=1", folder))
            shutil.rmtree(folder)
            for file in (ground.folder / "cache").rglob("*.rows"):
                _damage(file, damage)
            tally.add(same(made.finish(made.trainer("freeze:first=1", made.fresh())), expected), f"cache {damage}")
    return tally.figure("a damaged, cut or foreign cache is seen and made again")


def _damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "cut":
        content = content[:-1]
    elif how == "flipped":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray(len(content))
    file.write_bytes(bytes(content))


def out_of_memory(ground: Ground) -> Figure:
    """Memory runs out in forward pass, backward pass, optimizer, evaluation: the batch stays the same."""
    tally = Tally()
    made = bench(ground.folder, "classification", epochs=1)
    with _no_dropout(made):
        expected = made.finish(made.trainer("full", made.fresh()))
        for place in ("forward", "backward", "optimizer", "evaluation"):
            trainer = made.trainer("full", folder := made.fresh())
            with _memory_for(3, place, trainer):
                found = made.finish(trainer)
            steps = trainer.result.state.step
            told = any("did not fit into memory" in note for note in trainer.result.state.notes)
            close = all(torch.allclose(found[name], expected[name], rtol=0, atol=2e-5) for name in expected)
            tally.add(close and steps == 6, f"{place}: {steps} steps, weights {'alike' if close else 'differ'}")
            tally.add(told or place == "evaluation", f"{place}: not said")
            shutil.rmtree(folder)
        with _all_states_kept(), _memory_for(3, "forward", None):
            whole = made.fresh()
            split = made.finish(made.trainer("full", whole))
        shutil.copytree(sorted(whole.glob("step-*"))[2], (here := made.fresh()) / "step-000000003")
        for best in whole.glob("best-*"):
            shutil.copytree(best, here / best.name)
        resumed = made.trainer("full", here)
        tally.add(same(made.finish(resumed), split), "resumed after memory ran out: another end")
    return tally.figure("0 batches left out or counted twice; the split is resumed too")


@contextmanager
def _no_dropout(made: Bench) -> Iterator[None]:
    before = made.prepared.config_overrides
    overrides = {**before, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    with patch.object(Prepared, "config_overrides", overrides):
        yield


@contextmanager
def _memory_for(examples: int, place: str, trainer: Trainer | None) -> Iterator[None]:
    """There is memory for so many examples at once, in this place."""
    error = torch.OutOfMemoryError("DefaultCPUAllocator: can't allocate memory")
    forward, once = Speedups.forward, [True]

    def limited(self: Speedups, network: Any, batch: Any) -> Any:
        if len(batch.features) > examples and network.training == (place != "evaluation"):
            raise error
        return forward(self, network, batch)

    def backward(self: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        if once:
            once.clear()
            raise error
        real_backward(self, *args, **kwargs)

    calls = 0

    def zeros_like(*args: Any, **kwargs: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 6:  # of the moments of the first step, some are there
            raise error
        return real_zeros(*args, **kwargs)

    real_backward, real_zeros = torch.Tensor.backward, torch.zeros_like
    if place == "backward":
        with patch.object(torch.Tensor, "backward", backward):
            yield
    elif place == "optimizer":
        with patch.object(torch, "zeros_like", zeros_like):
            yield
    else:
        with patch.object(Speedups, "forward", limited):
            yield


def not_finite(ground: Ground) -> Figure:
    """NaN and infinity in a loss or a gradient, at the first, a middle and the last step: no weight sees them."""
    tally = Tally()
    for planted in ("loss", "gradient", "embedding"):
        for number in (float("nan"), float("inf")):
            for at in (0, 3, 5):
                made = bench(ground.folder, "classification", epochs=1)
                trainer = made.trainer("full", folder := made.fresh())
                said = ""
                with _planted(planted, number, at, trainer):
                    try:
                        made.finish(trainer)
                    except Diverged as error:
                        said = str(error)
                clean = all(torch.isfinite(one).all() for one in trainer.network.parameters())
                saved, _ = Checkpoints(folder).newest()
                intact = at == 0 or (saved is not None and saved.state.step == at)
                what = f"{number} in {planted}, step {at + 1}: {said!r}, weights {clean}, state {intact}"
                tally.add(said.startswith(f"step {at + 1}:") and clean and intact, what)
                skipping = bench(ground.folder, "classification", epochs=1, nonfinite="skip")
                trainer = skipping.trainer("full", skipping.fresh())
                with _planted(planted, number, at, trainer):
                    skipping.finish(trainer)
                clean = all(torch.isfinite(one).all() for one in trainer.network.parameters())
                told = [note for note in trainer.result.state.notes if f"step {at + 1}:" in note and "left out" in note]
                tally.add(clean and len(told) == 1, f"skipped: {what}")
    return tally.figure("0 updates from it; stopped, or left out where that was asked for")


@contextmanager
def _planted(where: str, number: float, at: int, trainer: Trainer) -> Iterator[None]:
    real = type(trainer.criterion.task).loss
    calls = 0

    def loss(self: Any, outputs: Any, batch: Any, weights: Any = None) -> Any:
        nonlocal calls
        total, units = real(self, outputs, batch, weights)
        if not trainer.network.training:
            return total, units
        calls += 1
        if calls == at + 1 and where == "loss":
            total = total * number
        if calls == at + 1 and where == "gradient":
            total.register_hook(lambda gradient: gradient * number)
        return total, units

    forward = Speedups.forward
    steps = 0

    def poisoned(self: Speedups, network: Any, batch: Any) -> Any:
        nonlocal steps
        if not network.training:
            return forward(self, network, batch)
        steps += 1
        if where != "embedding" or steps != at + 1:
            return forward(self, network, batch)
        handle = network.get_input_embeddings().register_forward_hook(lambda module, args, out: out * number)
        try:
            return forward(self, network, batch)
        finally:
            handle.remove()

    with patch.object(type(trainer.criterion.task), "loss", loss), patch.object(Speedups, "forward", poisoned):
        yield


TRIALS = (
    Trial(4, "P2", "resumed from every step", resume_from_every_step),
    Trial(5, "P2", "ten interruptions of one run", ten_interruptions),
    Trial(6, "P2", "the same with cache, unpadding and compact vocabulary", with_all_levers),
    Trial(10, "P7", "out of memory in each part of a step", out_of_memory),
    Trial(11, "P6", "numbers that are not finite", not_finite),
)
