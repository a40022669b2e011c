"""The one loop: every strategy and every task is trained here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import TYPE_CHECKING

from unfreeze.acceleration.compact_vocabulary import CompactVocabulary
from unfreeze.acceleration.heap import Heap
from unfreeze.acceleration.precision import PLAIN
from unfreeze.acceleration.ranks import ALONE, Apart, Ranks
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.batching.window_file import token_counts
from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.storage.environment import arithmetic
from unfreeze.training.checkpoint import Checkpoints, Saved
from unfreeze.training.criterion import Criterion
from unfreeze.training.early_stopping import BestEvaluation
from unfreeze.training.frozen_outputs import knowing
from unfreeze.training.meter import Stopwatch
from unfreeze.training.options import TrainingOptions
from unfreeze.training.parameters import Trainables, parameter_groups
from unfreeze.training.result import Progress, TrainingResult
from unfreeze.training.resumed import other_arithmetic
from unfreeze.training.run_costs import RunCosts
from unfreeze.training.step import Diverged, OptimizerStep
from unfreeze.training.stopping import AskedToStop, raise_if_asked_to_stop, signals_noted
from unfreeze.training.timetable import Timetable

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from unfreeze.acceleration.head_step import HeadStep
    from unfreeze.acceleration.prefix_cache import PrefixCache


@dataclass
class Trainer:
    """Everything one run needs. `train()` is the loop."""

    network: PreTrainedModel
    trainables: Trainables
    criterion: Criterion
    collator: Collator
    speedups: Speedups
    options: TrainingOptions
    evaluate: Callable[[PreTrainedModel], Evaluation]
    checkpoints: Checkpoints | None  # None: nothing is kept, the network ends with the last weights
    on_progress: Callable[[Progress], None] = lambda progress: None
    used_ids: frozenset[int] | None = None  # the tokens that training and validation hold; None: they may be any
    evaluated: Sequence[Features] = ()  # the windows that `evaluate` looks at
    cache_depths: Sequence[int] = ()  # so many frozen layers have runs of the same comparison
    ranks: Ranks = ALONE  # the processes that train this network together
    compact: CompactVocabulary | None = field(default=None, init=False)
    prefix: PrefixCache | None = field(default=None, init=False)
    head: HeadStep | None = field(default=None, init=False)  # if nothing else is to be computed
    learning_rate: float | None = field(default=None, init=False)  # of the last step, the highest of what trained
    result: TrainingResult = field(default_factory=TrainingResult)  # grows while training; whole up to a divergence

    def train(self, features: Sequence[Features]) -> TrainingResult:
        """Train on the windows, keep the weights of the best evaluation, and leave them in the network.

        What an interrupted run left in the folder for checkpoints is gone on with: the end is the same bit for bit.
        Without a folder nothing is kept: the result tells how training went.

        Raises:
            Diverged: a loss or gradient was not finite.
            OutOfMemory: not even one example at a time fits.
            OSError: the best weights could not be kept.
        """
        saved, told = (None, []) if self.checkpoints is None else self.checkpoints.newest()
        if saved is not None:
            self.result.state = saved.state
        self.result.state.notes.extend(told)
        self.ranks.take_over([*self.network.parameters(), *self.network.buffers()])
        with signals_noted(), self.criterion.watching(self.network), self._ready(features, saved):
            return self._train(features, saved)

    @contextmanager
    def _ready(self, features: Sequence[Features], saved: Saved | None) -> Iterator[None]:
        """Inside, everything is in place that makes steps faster; in a resumed run what it had before."""
        begin = time.perf_counter()
        words = self.network.get_input_embeddings().weight
        learnt = any(p is words and self.trainables.ever_trains(name) for name, p in self.network.named_parameters())
        ids = None
        if learnt and self.used_ids is not None:
            ids = self.used_ids | {self.collator.pad_token_id}  # not always that of the network's configuration
        splits = [features, self.evaluated] if self.evaluated else [features]
        # What comes from the cache is rounded, so a resumed run has one if and only if it had one before.
        known: AbstractContextManager[PrefixCache | None] = nullcontext()
        if saved is None or saved.state.cached:
            make = Timetable(self.options, len(features)).epochs > 1 or saved is not None
            known = knowing(self, splits, make=make, others=self.cache_depths)
        with (
            self.speedups.precision.products(),
            self.speedups.vocabulary(self.network, ids) as self.compact,
            known as self.prefix,
        ):
            if self.prefix is not None:
                trained = [one for name, one in self.network.named_parameters() if self.trainables.ever_trains(name)]
                if saved is None or saved.state.head_alone:
                    self.head = self.speedups.head_step(self.network, features, self.collator, trained, self.criterion)
                self.result.cache_seconds = time.perf_counter() - begin
            # A head by itself has products too small to gain from another library.
            with PLAIN.products() if self.head is not None else nullcontext():
                yield

    def _train(self, features: Sequence[Features], saved: Saved | None) -> TrainingResult:
        import torch

        state, options = self.result.state, self.options
        timetable = Timetable(options, len(features))
        optimizer = torch.optim.AdamW(
            parameter_groups(self.network, self.trainables, options.weight_decay), lr=options.learning_rate, fused=True
        )
        step = OptimizerStep(
            self.network, self.criterion, self.collator, self.speedups, options, optimizer, self.compact, self.head,
            self.result.state.notes.append, self.between, self.ranks,
        )  # fmt: skip
        best = BestEvaluation(options.early_stopping_patience, state.scores)
        if saved is not None:
            ended = (state.over or best.exhausted) and not state.evaluation_due
            self._restore(saved, None if ended else optimizer, step)
        state.cached, state.head_alone = self.prefix is not None, self.head is not None
        state.arithmetic = {**arithmetic(), "processes": self.ranks.world}
        watch = Stopwatch(state.seconds)
        lengths, heap, epoch = token_counts(features), Heap(), None
        known = self.prefix.depth if self.prefix else 0
        costs = RunCosts(self.network, self.trainables, self.collator, self.criterion, known)
        if saved is None:
            state.flops = costs.of_cache(features[0], lengths)
            state.cache_fill_seconds = None if self.prefix is None else self.prefix.seconds

        try:
            while True:
                if state.evaluation_due:
                    self._assess(best, watch, timetable)
                    state.evaluation_due = False
                raise_if_asked_to_stop(self.ranks)
                self._save_if_due(optimizer, step, watch)
                if state.over or best.exhausted:
                    break
                state.turn_page(timetable.steps_per_epoch)
                if epoch != state.epoch:
                    epoch = state.epoch
                    batches = self._begin_epoch(lengths, timetable)
                    cost = costs.of_steps(features[batches[0][0]])
                indices = batches[state.position]
                self.learning_rate = timetable.set_learning_rates(optimizer, state.step, self._trained(watch), epoch)
                with watch.measure("train"):
                    made = step.make(features, indices, state.step)
                tokens = [lengths[i] for i in indices]
                self._count(made, sum(tokens), costs.of_step(cost, tokens), timetable, watch)
                heap.trim_if_due()
            self._select()
        except (AskedToStop, Apart):
            self._save(optimizer, step, watch)
            raise
        self.network.eval()
        self.result.converged, self.result.ended = best.converged, True
        return self.result

    def _count(
        self,
        made: tuple[float, float] | None,
        tokens: int,
        operations: float,
        timetable: Timetable,
        watch: Stopwatch,
    ) -> None:
        """A step was made: where the run is now, and what comes next."""
        state = self.result.state
        loss, units = made or (0.0, 0.0)
        state.step, state.position = state.step + 1, state.position + 1
        state.tokens += tokens
        state.flops += operations
        state.epoch_loss, state.epoch_units = state.epoch_loss + loss, state.epoch_units + units
        expected = timetable.expected_steps(state.step, self._trained(watch))
        state.over = state.step == expected
        ends = state.position == timetable.steps_per_epoch
        state.evaluation_due = state.over or timetable.evaluates_after(state.step, epoch_ends=ends)
        done = state.epoch + state.position / timetable.steps_per_epoch
        told = Progress(state.step, expected, done, loss / units if units else nan, learning_rate=self.learning_rate)
        self.on_progress(told)

    def _trained(self, watch: Stopwatch) -> float:
        """Seconds; where they decide, of the slowest process."""
        seconds = watch.total("train")
        return seconds if self.options.max_seconds is None else self.ranks.largest(seconds)

    def between(self) -> None:
        """The run can stop here, unless others would wait for this process."""
        if self.ranks.alone:
            raise_if_asked_to_stop()

    def _assess(self, best: BestEvaluation, watch: Stopwatch, timetable: Timetable) -> None:
        """Evaluate, note it in the history, and keep the weights if they are the best so far."""
        state = self.result.state
        with watch.measure("evaluate"):
            evaluation = self.evaluate(self.network)
        if not isfinite(evaluation.metrics.get("loss", 0.0)):
            raise Diverged(f"step {state.step}: the validation loss is {evaluation.metrics['loss']:g}")
        epoch = round(state.epoch + state.position / timetable.steps_per_epoch, 4)
        train_loss = state.epoch_loss / state.epoch_units if state.epoch_units else None
        entry = {
            "epoch": epoch,
            "step": state.step,
            "train_loss": train_loss,
            "seconds": round(self.result.fit_seconds, 3),
            "train_seconds": round(watch.total("train"), 3),
            "validation": evaluation.metrics,
        }
        if best.would_be_best(evaluation.metrics[self.options.metric_for_best_model]) and self.checkpoints is not None:
            with watch.measure("save"):
                self.checkpoints.save_best(state.step, self.network, self.trainables)
        state.history.append(entry)
        if best.add(evaluation.metrics[self.options.metric_for_best_model]):
            state.best_step, state.best_epoch, state.seconds_to_best = state.step, epoch, self.result.fit_seconds
            self.result.best = evaluation
            if self.compact is not None:
                self.compact.keep()
        expected = timetable.expected_steps(state.step, self._trained(watch))
        told = Progress(state.step, expected, epoch, train_loss or nan, evaluation.metrics, self.learning_rate)
        self.on_progress(told)

    def _select(self) -> None:
        """The weights of the best evaluation."""
        state = self.result.state
        if self.checkpoints is None:
            if self.compact is not None:
                self.compact.keep()
            return
        assert state.best_step is not None  # the last step is always evaluated
        self.checkpoints.load_best(state.best_step, self.network)
        if self.result.best is None:  # it was evaluated before the run was interrupted
            self.result.best = self.evaluate(self.network)

    def _begin_epoch(self, lengths: Sequence[int], timetable: Timetable) -> list[list[int]]:
        """Let train what trains in this epoch; its batches."""
        epoch, options = self.result.state.epoch, self.options
        self.trainables.apply(self.network, epoch)
        self.trainables.set_modes(self.network, epoch, frozen_dropout=options.frozen_dropout)
        return timetable.batches(lengths, epoch)

    def _save_if_due(self, optimizer: torch.optim.Optimizer, step: OptimizerStep, watch: Stopwatch) -> None:
        size = 3 * 4 * sum(one.numel() for group in optimizer.param_groups for one in group["params"])  # with moments
        if self.checkpoints is not None and self.checkpoints.due(self.result.state.step, size):
            self._save(optimizer, step, watch)

    def _save(self, optimizer: torch.optim.Optimizer, step: OptimizerStep, watch: Stopwatch) -> None:
        """Write where the run is. A full disk costs the state, not the run."""
        if self.checkpoints is None:
            return
        state = self.result.state
        state.micro_batch, state.skipped = step.micro_batch, step.skipped
        if self.compact is not None:
            state.decays, state.decays_kept = self.compact.decays, self.compact.kept
        with watch.measure("save"):
            self._write_state(optimizer)

    def keep_end(self) -> None:
        """Once the run is trained: save that, so that what follows can be gone on with; without moments, for no step
        follows. A full disk costs the state."""
        import torch

        state = self.result.state
        if self.checkpoints is None or not self.result.ended or self.checkpoints.has(state.step):
            return
        self._write_state(torch.optim.AdamW(parameter_groups(self.network, self.trainables, 0.0)))

    def _write_state(self, optimizer: torch.optim.Optimizer) -> None:
        assert self.checkpoints is not None
        state = self.result.state
        try:
            self.checkpoints.save(state, self.network, self.trainables, optimizer)
        except (OSError, ValueError) as error:  # ValueError: a score of somebody's own task that is no number
            state.notes.append(f"step {state.step}: the state to resume from was not saved ({error})")

    def _restore(self, saved: Saved, optimizer: torch.optim.Optimizer | None, step: OptimizerStep) -> None:
        """Be where the run was; without an optimizer it was at its end, and its best weights are all that is needed."""
        state = saved.state
        if optimizer is not None:
            saved.restore(self.network, optimizer)
        step.micro_batch, step.skipped = state.micro_batch or step.micro_batch, state.skipped
        if self.compact is not None:
            self.compact.decays, self.compact.kept = state.decays, state.decays_kept
        state.notes += other_arithmetic(
            state, cached=self.prefix is not None, head_alone=self.head is not None, processes=self.ranks.world
        )
