"""How fast models answer on this machine, from text to answer: every engine in turn, in rounds, with one number of
threads."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from unfreeze.data.examples import Example
from unfreeze.inference.engines import Engine, engines_of
from unfreeze.tasks import TaskError

WARM_UP = 64  # inputs


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    rounds: int = 5
    requests: int = 200  # single inputs, over all rounds
    threads: int | None = None  # None: as many as torch has
    seed: int = 0


@dataclass(frozen=True)
class Speed:
    """One model in one engine. A number that was not measured is None."""

    model: str
    engine: str
    threads: int
    latency_p50_ms: float | None  # of single inputs
    latency_p99_ms: float | None
    texts_per_second: float  # of all inputs given at once: the median of the rounds
    slowest_round: float
    fastest_round: float
    parameters: int | None
    disk_bytes: int
    metric: str | None  # that the score is of
    score: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Clock:
    """What was measured of one engine so far, in seconds."""

    model: str
    engine: Engine
    single: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def measure_speed(
    models: Sequence[str],
    inputs: Sequence[Any],
    examples: Sequence[Example] | None,
    metric: str | None,
    plan: Plan,
    told: Callable[[str], object] = lambda words: None,
) -> list[Speed]:
    """Time all models in all engines.

    Args:
        models: as `load_predictor` takes them, all for one task.
        inputs: what they answer, as the pipeline of the task takes it.
        examples: the same, labelled; None where they have no labels.
        metric: what the examples are scored in.
        told: hears what is being done, and which engines are not there.

    Raises:
        ModelError: there is no such model.
        TaskError: there is nothing to answer.
    """
    if not inputs:
        raise TaskError("there is no text to answer. Give some with --data or --text-file.")
    with ExitStack() as stack:
        threads = stack.enter_context(_threads(plan.threads))
        told(f"threads: {threads} for every engine")
        clocks = [_Clock(model, one) for model in models for one in stack.enter_context(engines_of(model, told))]
        for clock in clocks:
            _warm_up(clock.engine, inputs)
        rng = random.Random(plan.seed)
        for number in range(plan.rounds):
            told(f"round {number + 1} of {plan.rounds}")
            for clock in rng.sample(clocks, len(clocks)):  # so that what disturbs the machine hits no engine alone
                _measure(clock, inputs, -(-plan.requests // plan.rounds), rng)
        return [_speed(clock, len(inputs), threads, examples, metric) for clock in clocks]


@contextmanager
def _threads(wanted: int | None) -> Iterator[int]:
    """One number of threads for torch and onnxruntime, which takes over that of torch, and for tokenizers."""
    import torch

    before = torch.get_num_threads()
    threads = wanted or before
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))  # read when the first tokenizer runs in parallel
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)


def _warm_up(engine: Engine, inputs: Sequence[Any]) -> None:
    engine.answer(list(inputs[:WARM_UP]))
    for one in inputs[:3]:
        engine.answer([one])


def _measure(clock: _Clock, inputs: Sequence[Any], requests: int, rng: random.Random) -> None:
    if clock.engine.one_by_one:
        for one in rng.choices(inputs, k=requests):
            begin = time.perf_counter()
            clock.engine.answer([one])
            clock.single.append(time.perf_counter() - begin)
    shuffled = rng.sample(inputs, len(inputs))
    begin = time.perf_counter()
    clock.engine.answer(shuffled)
    clock.whole.append(time.perf_counter() - begin)


def _speed(clock: _Clock, number: int, threads: int, examples: Sequence[Example] | None, metric: str | None) -> Speed:
    engine = clock.engine
    score = None if examples is None or engine.score is None else engine.score(examples)
    return Speed(
        model=clock.model,
        engine=engine.name,
        threads=threads,
        latency_p50_ms=_percentile(clock.single, 50),
        latency_p99_ms=_percentile(clock.single, 99),
        texts_per_second=number / median(clock.whole),
        slowest_round=number / max(clock.whole),
        fastest_round=number / min(clock.whole),
        parameters=engine.parameters,
        disk_bytes=engine.disk_bytes,
        metric=metric if score is not None else None,
        score=score,
    )


def _percentile(seconds: Sequence[float], percent: int) -> float | None:
    """In milliseconds."""
    import numpy as np

    return 1e3 * float(np.percentile(seconds, percent)) if seconds else None
