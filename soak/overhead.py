"""What saving states costs: trial 24."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from soak.trial import Figure, Ground, Tally, Trial
from unfreeze.experiments.ask import ask
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.listener import Listener
from unfreeze.settings import Settings
from unfreeze.training.checkpoint import SHARE, Checkpoints

BOUND = 0.035
HOUR = 3600.0


def overhead(ground: Ground) -> Figure:
    """The share of a run that goes into states and best weights, at the default interval."""
    tally = Tally()
    for cost in (0.01, 1.0, 20.0, 300.0):
        share = _simulated(ground.folder / f"{cost}", cost)
        tally.add(0 < share <= BOUND, f"a state of {cost:g} s: {100 * share:.2f} %")
    if ground.short:
        return tally.figure("ten hours with states that take 0.01 to 300 s, on a clock of its own")
    seconds = 150
    settings = Settings(
        model="minilm",
        data="sample:emotion",
        strategy="full",
        budget=f"seconds={seconds}",
        early_stopping_patience=None,
    )
    _, [prepared], fitting = ask(settings, Listener())
    checkpoints = Checkpoints(ground.folder / "states")
    trainer = build_trainer(fitting["minilm"][0], 1, prepared, settings, checkpoints)
    result = trainer.train(prepared.train.encoded.features)
    spent = result.state.seconds
    share = spent["save"] / sum(spent.values())
    states = len(list((ground.folder / "states").glob("step-*")))
    tally.add(share <= BOUND and states > 0, f"{100 * share:.2f} %")
    return tally.figure(
        f"minilm, full, {seconds} s of training: {100 * share:.2f} % ({spent['save']:.1f} s, {states} states there at "
        f"the end, {len(result.state.history)} evaluations)"
    )


def _simulated(folder: Path, cost: float) -> float:
    """Ten hours in steps of half a second on a clock of its own; the first guess of the cost is wrong by half."""
    now = spent = 0.0
    with patch("time.monotonic", lambda: now):
        checkpoints, step = Checkpoints(folder), 0
        while now < 10 * HOUR:
            now, step = now + 0.5, step + 1
            if checkpoints.due(step, int(0.5 * cost * 2e8)):
                checkpoints._last, checkpoints._cost = now + cost, cost
                now, spent = now + cost, spent + cost
    assert SHARE < BOUND
    return spent / now


TRIALS = (Trial(24, "P3", "what saving states costs at the default interval", overhead),)
