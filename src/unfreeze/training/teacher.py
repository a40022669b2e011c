"""The loss of a network that a trained one teaches: labels, the teacher's softened answers, its hidden states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.features import IGNORE, Batch
from unfreeze.models.anatomy import take_anatomy
from unfreeze.training.criterion import Criterion
from unfreeze.training.flops import StepCost

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

HiddenStates = list["Tensor"]


@dataclass(frozen=True)
class TaughtCriterion(Criterion):
    """`(1 - alpha)` of the loss of the labels, `alpha` of the divergence from the teacher, and hidden states.

    The distance of hidden states is the mean square over tokens, numbers and layers (Jiao et al. 2020, equation 8,
    without a projection, for student and teacher are equally wide), once for each label of a window.
    """

    teacher: PreTrainedModel = field(kw_only=True)  # in eval mode, on the device of the batches
    speedups: Speedups = field(kw_only=True)  # of its forward pass
    cost: StepCost = field(kw_only=True)  # of it
    temperature: float = field(kw_only=True)
    alpha: float = field(kw_only=True)
    hidden: float = field(kw_only=True)
    _seen: list[HiddenStates] = field(default_factory=lambda: [[], []], init=False)  # of the student, of the teacher

    def __call__(self, outputs: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        import torch

        with torch.no_grad():
            taught = self.speedups.forward(self.teacher, batch)
        hard, units = self.task.loss(outputs, batch, self.label_weights)
        soft = self.task.soft_loss(outputs, taught, batch, self.temperature, self.label_weights)
        total = (1 - self.alpha) * hard + self.alpha * soft
        if self.hidden:
            total = total + self.hidden * _distance(self._seen[0], self._seen[1], batch)
        return total, units

    @property
    def reads_layers(self) -> bool:
        return self.hidden > 0

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        with ExitStack() as hooks:
            if self.hidden:
                for one, seen in zip((network, self.teacher), self._seen, strict=True):
                    hooks.callback(seen.clear)
                    for handle in _noting(one, seen):
                        hooks.callback(handle.remove)
            yield

    def operations(self, tokens: Sequence[int]) -> float:
        return self.cost.parts(tokens).forward


def _noting(network: Any, seen: HiddenStates) -> Iterator[Any]:
    """Let the layers of a network note what they give in a forward pass; the handles that end it."""
    layers = [network.get_submodule(prefix) for prefix in take_anatomy(network).layer_prefixes]

    def note(module: nn.Module, _: Any, output: Any) -> None:
        if module is layers[0]:
            seen.clear()
        seen.append(output[0] if isinstance(output, tuple) else output)

    for layer in layers:
        yield layer.register_forward_hook(note)


def _distance(own: HiddenStates, theirs: HiddenStates, batch: Batch) -> Tensor:
    """Mean square between each layer of the student and the one of the teacher at the same share of its depth: of the
    tokens of a window and of the layers the mean, of the windows the sum, each as often as it has labels. So it does
    not depend on how a batch is cut.

    Shapes: each (batch, tokens, width); padding does not count.
    """
    import torch

    tokens = batch.inputs["attention_mask"].float()
    of = len(theirs) / len(own)
    pairs = [(one, theirs[round(depth * of) - 1]) for depth, one in enumerate(own, start=1)]
    apart = torch.stack([(one.float() - other.float()).square().mean(-1) for one, other in pairs]).mean(0)
    return ((apart * tokens).sum(1) / tokens.sum(1) * _labels(batch)).sum()


def _labels(batch: Batch) -> Tensor:
    """How many labels each window has, (batch,); an answer is one."""
    import torch

    if any(len(window.words) for window in batch.features):
        return (batch.labels != IGNORE).sum(1)
    weights = torch.tensor([window.weight for window in batch.features], device=batch.labels.device)
    targets = batch.labels.dim() == 2 and batch.features[0].offsets is None
    return weights * batch.labels.shape[1] if targets else weights
