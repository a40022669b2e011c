"""What the runs will take, from a few real steps of each strategy: time, memory and disk, as ranges."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unfreeze.batching.features import Features
from unfreeze.batching.window_file import token_counts
from unfreeze.evaluation.evaluate import Split
from unfreeze.experiments.bench import Bench
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.launchers.launcher import Death
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.run import folder_bytes
from unfreeze.experiments.save_verified import save_verified
from unfreeze.experiments.travelling import Travelling
from unfreeze.settings import Settings
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.strategies import Strategy
from unfreeze.training.loop import Trainer
from unfreeze.training.meter import peak_memory_bytes
from unfreeze.training.options import TrainingOptions
from unfreeze.training.result import Progress
from unfreeze.training.run_costs import RunCosts
from unfreeze.training.shared_checkpoints import checkpoints_in
from unfreeze.training.timetable import Timetable

TIMED_STEPS = 3  # after one that warms up and is not counted
EVALUATED = 128  # validation examples that tell what an evaluation takes: so many at least, and one full batch
CARD_BYTES = 10_000  # the model card, which is written with the scores
SLACK = 1.25  # a step measured now may be that much faster or slower later
MEMORY_SLACK = 1.6  # what freed batches of many lengths leave behind in a process: up to 1.54 was seen (docs/log.md)

Range = tuple[float, float]


@dataclass(frozen=True)
class PlanJob(Travelling):
    """A strategy to time; it can be sent to another process."""

    strategy: Strategy
    learning_rate: float | None
    settings: Settings
    own_process: bool


@dataclass(frozen=True)
class Plan:
    """What one strategy on one model will take. Ranges are (low, high)."""

    model_name: str
    strategy: str
    runs: int
    seconds: Range  # of all its runs, with loading, evaluation and saving
    train_seconds: Range  # of one run
    peak_memory_bytes: Range | None
    disk_bytes: Range  # of what one run has to keep
    step_seconds: float
    steps: int
    cache_seconds: float  # of frozen layers, once for all runs of the strategy


@dataclass
class _Steps:
    """Seconds and operations of the steps of a training, taken down as it says that they are done."""

    trainer: Trainer | None = None
    times: list[float] = field(default_factory=list)
    flops: list[float] = field(default_factory=list)

    def note(self, progress: Progress) -> None:
        if progress.metrics is None and self.trainer is not None:
            self.times.append(time.perf_counter())
            self.flops.append(self.trainer.result.state.flops)

    def measured(self, begin: float) -> tuple[float, float]:
        """Seconds of an operation and of a step, without the step that warms up; `begin`: when training began."""
        seconds = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        flops = [after - before for before, after in zip(self.flops, self.flops[1:], strict=False)]
        if not seconds:  # fewer windows than two batches hold: all of it was seen
            seconds, flops = [self.times[0] - begin], [self.flops[0]]
        return sum(seconds) / sum(flops), sum(seconds) / len(seconds)


def plan_runs(bench: Bench, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The entries of `plan` in `comparison.json` for the runs to come. A strategy that cannot be timed has none."""
    counted = Counter((cell.model, cell.strategy) for cell in cells)
    rates = {(cell.model, cell.strategy): cell.learning_rate for cell in cells}
    jobs = [
        PlanJob(
            bench.prepared[model],
            bench.weights_of(model, strategy),
            strategy,
            rates[model, strategy],
            bench.settings,
            bench.launcher.own_process,
        )
        for model, strategy in counted
    ]
    planned = []
    for job, result in bench.launcher.run(time_strategy, jobs, lambda job, message: None):
        model = job.prepared.model_name
        if isinstance(result, Death):
            bench.listener.said(f"{job.strategy}: not planned: {result.reason}")
            continue
        here = [cell for cell in cells if (cell.model, cell.strategy) == (model, job.strategy)]
        # Runs on a part of the training data take that part of the time, a little more for what does not shrink; of
        # so many steps, tokens or seconds they take as long as the others.
        budget = bench.settings.training_budget()
        whole = bench.settings.max_steps is not None or (budget is not None and budget.kind != "epochs")
        weight = sum(1.0 if whole or cell.train_share is None else cell.train_share for cell in here)
        low, high = (result.cache_seconds / SLACK, result.cache_seconds * SLACK)
        seconds = (result.seconds[0] * weight + low, result.seconds[1] * weight + high)
        planned.append(asdict(replace(result, runs=len(here), seconds=seconds)))
    return planned


def time_strategy(job: PlanJob, say: Callable[[Any], None]) -> Plan:
    """Train some real batches, one of them the longest, and scale up what they took by the operations of a run."""
    with TemporaryDirectory(prefix="unfreeze-plan-") as folder:
        return _time_in(Path(folder), job)


def _time_in(folder: Path, job: PlanJob) -> Plan:
    begin = time.perf_counter()
    steps = _Steps()
    checkpoints = checkpoints_in(folder / "checkpoints", 10**9, job.prepared.ranks)
    trainer = build_trainer(
        job.strategy, job.settings.seed, job.prepared, job.settings, checkpoints,
        learning_rate=job.learning_rate, on_progress=steps.note,
    )  # fmt: skip
    loaded = time.perf_counter()
    loading = loaded - begin
    options, windows = trainer.options, job.prepared.train.encoded.features
    timetable = Timetable(options, len(windows))
    some = _first_examples(job.prepared.validation, job.prepared.eval_tokens_per_batch)
    evaluation_seconds: list[float] = []

    def evaluate(network: Any) -> Any:
        evaluation = job.prepared.evaluator.evaluate(network, some)
        evaluation_seconds.append(evaluation.seconds)
        return evaluation

    batches = _some_batches(timetable, windows)
    steps.trainer = timed = replace(_short(trainer, folder), evaluate=evaluate)
    timed.train([window for batch in batches for window in batch])
    per_flop, step_seconds = steps.measured(loaded)
    depth = 0 if timed.prefix is None else timed.prefix.depth
    known = depth / timed.trainables.anatomy.layers_applied
    costs = RunCosts(trainer.network, trainer.trainables, trainer.collator, trainer.criterion, depth)
    train = options.max_seconds or per_flop * costs.of_run(windows[0], token_counts(windows), timetable)
    per_token = evaluation_seconds[0] / some.encoded.num_tokens
    validation, tests = job.prepared.validation.encoded, [one.encoded for one in job.prepared.tests.values()]
    everything = sum(split.encoded.num_tokens for split in job.prepared.splits.values())
    caching = known * per_token * everything
    per_token *= 1 - known
    evaluating = per_token * validation.num_tokens
    run_steps = timetable.expected_steps(1, step_seconds)
    evaluations = timetable.evaluations(run_steps)
    saving, kept = _save(timed, job, folder / "model")
    fixed = loading + saving + per_token * sum(one.num_tokens for one in tests)
    least = _least_share(options, evaluations)
    train_range = (least * train / SLACK, train * SLACK)
    whole = (
        train_range[0] + (least * evaluations * evaluating + fixed) / SLACK,
        train_range[1] + (evaluations * evaluating + fixed) * SLACK,
    )
    peak = peak_memory_bytes(job.prepared.collator.device) if job.own_process else None
    return Plan(
        job.prepared.model_name,
        str(job.strategy),
        1,
        whole,
        train_range,
        None if peak is None else (float(peak), MEMORY_SLACK * peak),
        (float(kept), float(kept + CARD_BYTES)),
        step_seconds,
        run_steps,
        caching,
    )


def _short(trainer: Trainer, folder: Path) -> Trainer:
    """The same that trains at most two epochs in the order given, and evaluates at their end alone."""
    options = replace(
        trainer.options, epochs=min(2, trainer.options.epochs), max_steps=None, max_seconds=None,
        train_sampling_strategy="sequential", eval_strategy="steps", eval_steps=10**9,
    )  # fmt: skip
    # What frozen layers cost is timed, and nothing is left of it.
    speedups = trainer.speedups.kept_in(FeatureFiles(folder / "cache"))
    # Evaluation is timed with all layers.
    return replace(trainer, options=options, speedups=speedups, evaluated=(), cache_depths=())


def _save(trainer: Trainer, job: PlanJob, folder: Path) -> tuple[float, int]:
    """Save and load what was saved, as a run ends: seconds and bytes of it, and its memory counts in the peak."""
    begin = time.perf_counter()
    if job.prepared.ranks.leads:
        save_verified(trainer, job.prepared, folder, card="")
    return time.perf_counter() - begin, folder_bytes(folder)


def say_plan(planned: Sequence[Mapping[str, Any]], settings: Settings, at_once: int, listener: Listener) -> None:
    """The estimate in one line for all runs, with what would make it half."""
    if not planned:
        return
    low, high = (sum(one["seconds"][i] for one in planned) / at_once for i in (0, 1))
    runs = sum(one["runs"] for one in planned)
    if settings.seeds > 1:
        half = f"--seeds {ceil(settings.seeds / 2)} takes {100 * ceil(settings.seeds / 2) / settings.seeds:.0f} % of it"
    else:
        half = "--max-train-samples with half of the training examples takes about half of it"
    listener.said(f"{runs} runs: {in_words(low)} to {in_words(high)}, from steps timed now; {half}")


def in_words(seconds: float) -> str:
    """A duration in the unit a person would use.

    >>> in_words(42), in_words(400), in_words(9000)
    ('42 s', '7 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _some_batches(timetable: Timetable, windows: Sequence[Features]) -> list[list[Features]]:
    """Real batches of the first epoch: the longest first, for memory, then some at equal distances."""
    order = timetable.batches(token_counts(windows), 0)
    whole = [batch for batch in order if len(batch) == timetable.batch_size] or order
    by_length = sorted(whole, key=lambda batch: -sum(len(windows[i]) for i in batch))
    distance = max(1, len(by_length) // (TIMED_STEPS + 1))
    chosen = [by_length[0], *by_length[1:][distance - 1 :: distance][:TIMED_STEPS]]
    return [[windows[i] for i in batch] for batch in chosen]


def _first_examples(split: Split, tokens: int) -> Split:
    """Of the validation data what fills one batch of so many tokens, and not less than `EVALUATED`."""
    sizes = Counter[int]()
    for window in split.encoded.features:
        sizes[window.example] += len(window)
    filled = accumulate(sizes[i] for i in range(len(split.examples)))
    number = max(EVALUATED, 1 + sum(so_far < tokens for so_far in filled))
    examples = split.examples[:number]
    windows = tuple(window for window in split.encoded.features if window.example < len(examples))
    return Split(examples, replace(split.encoded, features=windows, num_examples=len(examples)))


def _least_share(options: TrainingOptions, evaluations: int) -> float:
    """The share of a run that early stopping makes at least."""
    if options.early_stopping_patience is None:
        return 1.0
    return min(1.0, (options.early_stopping_patience + 1) / max(1, evaluations))
