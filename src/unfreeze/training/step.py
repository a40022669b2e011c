"""One optimizer step: the gradients of a batch, in micro-batches that fit into memory, and the update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import TYPE_CHECKING

from unfreeze.acceleration.compact_vocabulary import CompactVocabulary
from unfreeze.acceleration.out_of_memory import is_out_of_memory
from unfreeze.acceleration.random_numbers import seed_generators
from unfreeze.acceleration.ranks import ALONE, Ranks
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.batching.order import stable_seed
from unfreeze.training.criterion import Criterion
from unfreeze.training.options import TrainingOptions

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from unfreeze.acceleration.head_step import HeadStep

MOST_SKIPPED = 3  # steps in a row whose loss or gradients are not finite


class Diverged(RuntimeError):
    """The loss or a gradient is no longer a finite number; the weights were not touched by it."""


class NotFinite(ArithmeticError):
    """A loss or a gradient is no finite number."""


class OutOfMemory(RuntimeError):
    """Not even one example at a time fits into memory."""


@dataclass
class OptimizerStep:
    """Makes the steps of one run; its weights change by whole steps or not at all."""

    network: PreTrainedModel
    criterion: Criterion
    collator: Collator
    speedups: Speedups
    options: TrainingOptions
    optimizer: torch.optim.Optimizer
    compact: CompactVocabulary | None
    head: HeadStep | None
    told: Callable[[str], object]  # hears what was not done as planned
    interrupt: Callable[[], object]  # called before each micro-batch; may raise
    ranks: Ranks = ALONE  # the processes that share each batch
    micro_batch: int = field(init=False)  # examples in a forward pass
    skipped: int = field(default=0, init=False)  # steps in a row
    updating: bool = field(default=False, init=False)  # have some weights changed, and others not yet?

    def __post_init__(self) -> None:
        self.micro_batch = self.options.per_device_train_batch_size

    def make(self, features: Sequence[Features], indices: Sequence[int], step: int) -> tuple[float, float] | None:
        """The summed loss and its units; None if the step was left out, because they were not finite.

        Where memory runs out the same batch is tried again in smaller micro-batches: what is optimised stays the same.

        Raises:
            RuntimeError: memory ran out while weights were changed; they cannot be gone on with.
            Diverged: the loss or a gradient was not finite, and that was not to be skipped, or too often in a row.
            OutOfMemory: one example at a time is too much.
        """
        while True:
            try:
                return self._make(features, indices, step)
            except NotFinite as error:
                examples = sorted({features[i].example for i in indices})
                self._not_finite(f"{error}, examples {', '.join(map(str, examples))} of the training data (from 0)")
                return None
            except (RuntimeError, MemoryError) as error:
                if self.updating or not is_out_of_memory(error):
                    raise
                self._halve(len(indices), step, error)
            finally:
                for group in self.optimizer.param_groups:
                    for parameter in group["params"]:
                        parameter.grad = None

    def _halve(self, examples: int, step: int, error: BaseException) -> None:
        tried = min(self.micro_batch, ceil(examples / self.ranks.world))
        if tried == 1:
            raise OutOfMemory(
                f"step {step + 1}: one example at a time does not fit into memory. Lower --max-length, take a smaller "
                "--model, or a strategy that trains less."
            ) from error
        self.micro_batch = tried // 2
        self.told(
            f"step {step + 1}: {tried} examples at once did not fit into memory: {self.micro_batch} at once from there "
            "on, in the same optimizer steps"
        )

    def _make(self, features: Sequence[Features], indices: Sequence[int], step: int) -> tuple[float, float] | None:
        import torch

        mine = self.ranks.share(indices)
        micro_batches = [mine[i : i + self.micro_batch] for i in range(0, len(mine), self.micro_batch)]
        # One micro-batch is divided before the backward pass, as in the stock Trainer; with several, the units of the
        # whole batch are known only after the last one, and the gradients are divided then.
        at_once = len(micro_batches) == 1 and self.ranks.alone
        total, units = self._gradients(features, micro_batches, step, at_once)
        if units == 0:
            # No word of these windows carries a label: nothing to learn, and nothing to divide by.
            return 0.0, 1.0
        trained = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        self.ranks.sum_gradients(trained)
        parameters = [parameter for parameter in trained if parameter.grad is not None]
        if not at_once:
            for parameter in parameters:
                parameter.grad.div_(units)
        norm = float(torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters]))
        if not (isfinite(norm) and isfinite(total)):
            raise NotFinite(f"step {step + 1}: loss {total / units:g}, gradient norm {norm:g}")
        self.skipped = 0
        self._update(parameters, norm)
        return total, units

    def _gradients(
        self, features: Sequence[Features], micro_batches: Sequence[Sequence[int]], step: int, divided: bool
    ) -> tuple[float, float]:
        """Those of this process's share; the summed loss and the units of the whole batch."""
        total = units = 0.0
        reason = ""
        try:
            for micro, some in enumerate(micro_batches):
                self.interrupt()
                # Seeded by position, not by history: a retried or resumed step draws the same dropout.
                seed = stable_seed(self.options.seed, step, micro, self.ranks.rank)
                seed_generators(seed, self.collator.device)
                loss, batch_units = self._loss(features, some)
                (loss / batch_units if divided else loss).backward()  # type: ignore[no-untyped-call]
                if self.head is not None:
                    self.head.backward()
                total, units = total + float(loss.detach()), units + float(batch_units)
        except (RuntimeError, MemoryError) as error:
            if self.ranks.alone or not is_out_of_memory(error):
                raise
            reason = str(error) or type(error).__name__  # not the error, which holds on to the memory that is lacking
        total, units, failures = self.ranks.sums(total, units, bool(reason))
        if failures:  # all of them try it again
            raise MemoryError(reason or "out of memory in another process")
        return total, units

    def _update(self, parameters: Sequence[torch.nn.Parameter], norm: float) -> None:
        import torch

        # Clipped as the step reads the gradients, which are not passed once more (`clip_grad_norm_` has the same 1e-6).
        scale = (norm + 1e-6) / (self.options.max_grad_norm or float("inf"))
        clipped = torch.tensor(scale, device=parameters[0].device) if scale > 1 else None
        self.optimizer.grad_scale = clipped  # type: ignore[attr-defined]
        self._make_moments(parameters)
        self.updating = True
        self.optimizer.step()
        # The fused step does not count as a change of the weights; copies of them must see it.
        torch.autograd.graph.increment_version(parameters)
        if self.compact is not None:
            self.compact.stepped(self.optimizer)
        self.updating = False

    def _make_moments(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """AdamW's, of parameters that train for the first time: all or none, before any weight changes.

        `step` would make them group by group between its changes, where memory that runs out leaves a part behind.
        """
        import torch

        made: dict[torch.Tensor, dict[str, torch.Tensor]] = {}
        for parameter in parameters:
            if not self.optimizer.state.get(parameter):
                made[parameter] = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                }
        self.optimizer.state.update(made)

    def _not_finite(self, said: str) -> None:
        self.skipped += 1
        if self.options.nonfinite == "stop":
            raise Diverged(said)
        if self.skipped > MOST_SKIPPED:
            raise Diverged(f"{said}; {MOST_SKIPPED} steps before it were left out for the same reason")
        self.told(f"{said}: the step was left out")

    def _loss(self, features: Sequence[Features], indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        if self.head is not None:
            outputs, batch = self.head.forward(indices)
        else:
            batch = self.collator([features[i] for i in indices], fresh=True)
            outputs = self.speedups.forward(self.network, batch)
        return self.criterion(outputs, batch)
