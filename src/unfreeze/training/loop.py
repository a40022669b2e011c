"""The one loop: every strategy and every task is trained here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from math import ceil, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from unfreeze.acceleration.compact_vocabulary import CompactVocabulary
from unfreeze.acceleration.heap import Heap
from unfreeze.acceleration.precision import PLAIN
from unfreeze.acceleration.random_numbers import seed_generators
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.batching.order import stable_seed, training_batches
from unfreeze.batching.window_file import token_counts
from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.tasks.task import Task
from unfreeze.training.checkpoint import load_best, save_best
from unfreeze.training.early_stopping import BestEvaluation
from unfreeze.training.flops import StepCost, step_cost
from unfreeze.training.meter import Stopwatch
from unfreeze.training.options import TrainingOptions
from unfreeze.training.parameters import Trainables, parameter_groups
from unfreeze.training.result import Progress, TrainingResult
from unfreeze.training.schedule import late_warmup, multiplier, warmup_length

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from unfreeze.acceleration.head_step import HeadStep
    from unfreeze.acceleration.prefix_cache import PrefixCache


class Diverged(RuntimeError):
    """The loss or a gradient is no longer a finite number; the weights were not touched by it."""


@dataclass
class Trainer:
    """Everything one run needs. `train()` is the loop."""

    network: PreTrainedModel
    trainables: Trainables
    task: Task
    collator: Collator
    speedups: Speedups
    options: TrainingOptions
    evaluate: Callable[[PreTrainedModel], Evaluation]
    checkpoints: Path | None  # None: the weights are not kept, the network ends with the last ones
    label_weights: torch.Tensor | None = None
    on_progress: Callable[[Progress], None] = lambda progress: None
    used_ids: frozenset[int] | None = None  # the tokens that training and validation hold; None: they may be any
    evaluated: Sequence[Features] = ()  # the windows that `evaluate` looks at
    cache_depths: Sequence[int] = ()  # so many frozen layers have runs of the same comparison
    compact: CompactVocabulary | None = field(default=None, init=False)
    costs: dict[tuple[bool, ...], StepCost] = field(default_factory=dict, init=False)
    prefix: PrefixCache | None = field(default=None, init=False)
    head: HeadStep | None = field(default=None, init=False)  # if nothing else is to be computed
    result: TrainingResult = field(default_factory=TrainingResult)  # grows while training; whole up to a divergence

    def train(self, features: Sequence[Features]) -> TrainingResult:
        """Train on the windows, keep the weights of the best evaluation, and leave them in the network.

        Without a folder for checkpoints nothing is kept: the result tells how training went.

        Raises:
            Diverged: a loss or gradient was not finite.
        """
        begin = time.perf_counter()
        words = self.network.get_input_embeddings().weight
        learnt = any(
            one is words and self.trainables.ever_trains(name) for name, one in self.network.named_parameters()
        )
        ids = None
        if learnt and self.used_ids is not None:
            ids = self.used_ids | {self.collator.pad_token_id}  # not always that of the network's configuration
        splits = [features, self.evaluated] if self.evaluated else [features]
        with (
            self.speedups.precision.products(),
            self.speedups.vocabulary(self.network, ids) as self.compact,
            self.knowing(splits, make=self._total_steps(features)[0] > 1, others=self.cache_depths) as self.prefix,
        ):
            if self.prefix is not None:
                trained = [one for name, one in self.network.named_parameters() if self.trainables.ever_trains(name)]
                criterion = partial(self.task.loss, label_weights=self.label_weights)
                self.head = self.speedups.head_step(self.network, features, self.collator, trained, criterion)
                self.result.cache_seconds = time.perf_counter() - begin
            # A head by itself has products too small to gain from another library.
            with PLAIN.products() if self.head is not None else nullcontext():
                return self._train(features)

    def knowing(
        self, splits: Sequence[Sequence[Features]], *, make: bool, others: Sequence[int] = ()
    ) -> AbstractContextManager[PrefixCache | None]:
        """Inside, the layers that are frozen all the time do not run for these windows.

        Args:
            make: compute what no run has computed before.
            others: before training, so many frozen layers of other runs, which are filled in the same pass.
        """
        fixed = self.task.static_inputs and not self.options.frozen_dropout
        depth = self.trainables.frozen_layers(self.network) if fixed else 0
        places = {name: self.trainables.anatomy.locate(name) for name, _ in self.network.named_parameters()}

        def weights(layers: int) -> dict[str, torch.Tensor]:
            return {name: one for name, one in self.network.named_parameters() if places[name].depth <= layers}

        lowest_adapter = min((place.depth for place in places.values() if place.part == "adapter"), default=None)
        same = [one for one in others if lowest_adapter is None or one < lowest_adapter]  # as the layers of other runs
        told = self.result.notes.append
        return self.speedups.prefix(
            self.network, depth, weights, splits, self.collator, make=make, others=same, told=told
        )

    def _step_cost(self, window: Features) -> StepCost:
        """Of the epochs that train the same, one is measured."""
        trained = tuple(parameter.requires_grad for parameter in self.network.parameters())
        if trained not in self.costs:
            known = 0 if self.prefix is None else self.prefix.depth
            self.costs[trained] = step_cost(self.network, self.trainables.anatomy, self.collator([window]), known)
        return self.costs[trained]

    def _cost_of_cache(self, features: Sequence[Features], lengths: Sequence[int]) -> float:
        """Operations of the frozen layers for each window once, also where another run made them."""
        if self.prefix is None:
            return 0.0
        batch, anatomy = self.collator([features[0]]), self.trainables.anatomy
        whole, above = (step_cost(self.network, anatomy, batch, known) for known in (0, self.prefix.depth))
        return sum(whole.parts([one]).forward - above.parts([one]).forward for one in lengths)

    def _total_steps(self, features: Sequence[Features]) -> tuple[float, int, int]:
        """The planned epochs, and the steps of all of them and of one."""
        options = self.options
        size = options.per_device_train_batch_size * options.gradient_accumulation_steps
        each = ceil(len(features) / size)
        steps = each * options.epochs
        if options.max_steps is not None:
            steps = min(steps, options.max_steps)
        return steps / each, steps, each

    def _train(self, features: Sequence[Features]) -> TrainingResult:
        import torch

        options = self.options
        result = self.result
        watch = Stopwatch()
        best = BestEvaluation(options.early_stopping_patience, [])
        optimizer = torch.optim.AdamW(
            parameter_groups(self.network, self.trainables, options.weight_decay), lr=options.learning_rate, fused=True
        )
        lengths = token_counts(features)
        batch_size = options.per_device_train_batch_size * options.gradient_accumulation_steps
        _, total_steps, steps_per_epoch = self._total_steps(features)
        begin = time.perf_counter()
        heap = Heap()
        result.flops += self._cost_of_cache(features, lengths)

        for epoch in range(ceil(total_steps / steps_per_epoch)):
            self.trainables.apply(self.network, epoch)
            self.trainables.set_modes(self.network, epoch, frozen_dropout=options.frozen_dropout)
            batches = training_batches(
                lengths, batch_size, seed=options.seed, epoch=epoch, sampling=options.train_sampling_strategy
            )
            cost = self._step_cost(features[batches[0][0]])
            epoch_loss = epoch_units = 0.0
            for position, indices in enumerate(batches):
                self._set_learning_rates(
                    optimizer, result.steps, watch.total("train"), total_steps, steps_per_epoch, epoch
                )
                with watch.measure("train"):
                    loss, units = self._step(optimizer, features, indices, result.steps)
                result.steps += 1
                heap.trim_if_due()
                in_batch = [lengths[i] for i in indices]
                result.tokens += sum(in_batch)
                result.flops += cost.of(in_batch)
                epoch_loss, epoch_units = epoch_loss + loss, epoch_units + units
                done = epoch + (position + 1) / steps_per_epoch
                expected = self._expected_steps(result.steps, watch.total("train"), total_steps)
                self.on_progress(Progress(result.steps, expected, done, loss / units))
                last = result.steps == expected
                if self._evaluates_now(result.steps, position + 1 == len(batches), last):
                    metrics = self._assess(best, watch, done, epoch_loss / epoch_units, time.perf_counter() - begin)
                    self.on_progress(Progress(result.steps, expected, done, loss / units, metrics))
                if last or best.exhausted:
                    break
            result.epochs_run = epoch + 1
            if last or best.exhausted:
                break

        if self.checkpoints is not None:
            load_best(self.checkpoints, self.network)
        elif self.compact is not None:
            self.compact.keep()
        self.network.eval()
        result.converged = best.converged
        result.train_seconds, result.evaluate_seconds = watch.total("train"), watch.total("evaluate")
        result.save_seconds = watch.total("save")
        return result

    def _assess(
        self, best: BestEvaluation, watch: Stopwatch, epoch: float, train_loss: float, seconds: float
    ) -> dict[str, float]:
        """Evaluate, note it in the history, and keep the weights if they are the best so far."""
        result = self.result
        begin = time.perf_counter()
        with watch.measure("evaluate"):
            evaluation = self.evaluate(self.network)
        if not isfinite(evaluation.metrics.get("loss", 0.0)):
            raise Diverged(f"step {result.steps}: the validation loss is {evaluation.metrics['loss']:g}")
        seconds += time.perf_counter() - begin
        entry = {
            "epoch": round(epoch, 4),
            "step": result.steps,
            "train_loss": train_loss,
            "seconds": round(seconds, 3),
            "train_seconds": round(watch.total("train"), 3),
            "validation": evaluation.metrics,
        }
        result.history.append(entry)
        if best.add(evaluation.metrics[self.options.metric_for_best_model]):
            result.best_epoch, result.seconds_to_best, result.best = round(epoch, 4), seconds, evaluation
            if self.compact is not None:
                self.compact.keep()
            if self.checkpoints is not None:
                with watch.measure("save"):
                    save_best(self.checkpoints, self.network, self.trainables, entry)
        return evaluation.metrics

    def _expected_steps(self, steps: int, seconds: float, total_steps: int) -> int:
        """How many steps the run will have; with a budget of seconds as the steps so far suggest."""
        if self.options.max_seconds is None:
            return total_steps
        if seconds >= self.options.max_seconds:
            return steps
        return min(total_steps, max(steps + 1, round(steps * self.options.max_seconds / seconds)))

    def _evaluates_now(self, step: int, epoch_ends: bool, last: bool) -> bool:
        if self.options.eval_strategy == "epoch":
            return epoch_ends or last
        assert self.options.eval_steps is not None
        return step % self.options.eval_steps == 0 or last

    def _set_learning_rates(
        self,
        optimizer: torch.optim.Optimizer,
        step: int,
        seconds: float,
        total_steps: int,
        steps_per_epoch: int,
        epoch: int,
    ) -> None:
        options = self.options
        warmup = warmup_length(options.warmup_steps, total_steps)
        progress: tuple[float, float, float] = (step, total_steps, warmup)
        if options.max_seconds is not None:
            progress = (seconds, options.max_seconds, options.warmup_steps * options.max_seconds)
            warmup = ceil(options.warmup_steps * steps_per_epoch)
        scheduled = options.learning_rate * multiplier(options.lr_scheduler_type, *progress)
        for group in optimizer.param_groups:
            key = group["key"]
            late = late_warmup(step, key.first_epoch * steps_per_epoch, min(warmup, steps_per_epoch))
            group["lr"] = scheduled * key.scales[epoch] * late

    def _step(
        self, optimizer: torch.optim.Optimizer, features: Sequence[Features], indices: Sequence[int], step: int
    ) -> tuple[float, float]:
        """One optimizer step over all micro-batches; returns the summed loss and its units."""
        import torch

        size = self.options.per_device_train_batch_size
        micro_batches = [indices[i : i + size] for i in range(0, len(indices), size)]
        total = units = 0.0
        for micro, some in enumerate(micro_batches):
            # Seeded by position, not by history: a retried or resumed step draws the same dropout.
            seed_generators(stable_seed(self.options.seed, step, micro, 0), self.collator.device)
            loss, batch_units = self._loss(features, some)
            # One micro-batch is divided before the backward pass, as in the stock Trainer; with several, the units of
            # the whole batch are known only after the last one, and the gradients are divided then.
            (loss / batch_units if len(micro_batches) == 1 else loss).backward()  # type: ignore[no-untyped-call]
            if self.head is not None:
                self.head.backward()
            total, units = total + float(loss.detach()), units + float(batch_units)
        if units == 0:
            # No word of these windows carries a label: nothing to learn, and nothing to divide by.
            optimizer.zero_grad(set_to_none=True)
            return 0.0, 1.0
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if len(micro_batches) > 1:
            for parameter in parameters:
                parameter.grad.div_(units)
        norm = float(torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters]))
        if not isfinite(norm):
            optimizer.zero_grad(set_to_none=True)
            raise Diverged(f"step {step + 1}: loss {total / units:g}, gradient norm {norm:g}")
        # Clipped as the step reads the gradients, which are not passed once more (`clip_grad_norm_` has the same 1e-6).
        scale = (norm + 1e-6) / (self.options.max_grad_norm or float("inf"))
        clipped = torch.tensor(scale, device=parameters[0].device) if scale > 1 else None
        optimizer.grad_scale = clipped  # type: ignore[attr-defined]
        optimizer.step()
        # The fused step does not count as a change of the weights; copies of them must see it.
        torch.autograd.graph.increment_version(parameters)
        if self.compact is not None:
            self.compact.stepped(optimizer)
        for parameter in parameters:
            parameter.grad = None
        return total, units

    def _loss(self, features: Sequence[Features], indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        if self.head is not None:
            outputs, batch = self.head.forward(indices)
        else:
            batch = self.collator([features[i] for i in indices], fresh=True)
            outputs = self.speedups.forward(self.network, batch)
        return self.task.loss(outputs, batch, self.label_weights)
