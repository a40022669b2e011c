"""A training step of a head alone: what its linear layer reads is known for every window, and autograd sees the loss
only. The products are those that autograd would make, so that the gradients are the same bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from unfreeze.batching.features import Batch, Features
from unfreeze.storage.mapped import Touched, scratch_array

if TYPE_CHECKING:
    from torch import Tensor

    from unfreeze.acceleration.plain_head import PlainHead
    from unfreeze.acceleration.prefix_cache import PrefixCache
    from unfreeze.batching.collate import Collator

ROWS_AT_ONCE = 4096  # when the inputs are made
TRIED = 8  # windows


class Logits(NamedTuple):
    """What the loss reads of a network's outputs; those of transformers take longer to be made than the products."""

    logits: Tensor


@dataclass
class HeadStep:
    """Forward and backward of a linear layer under dropout, for windows given by their places in the training set."""

    head: PlainHead
    inputs: npt.NDArray[np.float32]  # (windows, width), memory-mapped: what the dropout before the linear layer reads
    labels: Tensor  # (windows,) or (windows, targets)
    device: torch.device
    touched: Touched = field(default_factory=Touched)
    _read: Tensor | None = field(default=None, init=False)
    _logits: Tensor | None = field(default=None, init=False)

    def forward(self, indices: Sequence[int]) -> tuple[Logits, Batch]:
        """What the network says of these windows, and the batch without its tokens."""
        read = self.inputs[indices]
        self.touched.add(read.nbytes, self.inputs)
        with torch.no_grad():
            self._read = self.head.dropout(torch.from_numpy(read).to(self.device))
            self._logits = self.head.linear(self._read).requires_grad_()
        labels = self.labels[indices].to(self.device)
        return Logits(self._logits), Batch(dict, labels, ())

    def backward(self) -> None:
        """After that of the loss: add the gradients of the linear layer."""
        linear = self.head.linear
        assert self._logits is not None and self._read is not None
        error = self._logits.grad
        if error is None:
            return  # nothing of the batch counts
        gradients = [(linear.weight, error.t() @ self._read)]
        if linear.bias is not None:
            gradients.append((linear.bias, error.sum(0)))
        for parameter, gradient in gradients:
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


Loss = Callable[[Any, Batch], tuple["Tensor", "Tensor"]]


def head_step(
    head: PlainHead,
    cache: PrefixCache,
    windows: Sequence[Features],
    collator: Collator,
    trained: Collection[nn.Parameter],
    loss: Loss,
) -> HeadStep | None:
    """The short way for these windows; None where it does not hold: another part trains, tokens are read one by one, or
    the loss reads more than logits and labels.

    Args:
        trained: the parameters that train in any epoch.
        loss: of a task, perhaps one of the user's own.

    Raises:
        OSError: there is no room for the inputs.
    """
    linear = head.linear
    own = {id(one) for one in linear.parameters()}
    alone = all(id(one) in own for one in trained) and all(one.weight == 1 for one in windows)
    if not alone or head.reads == "all" or not cache.single:
        return None
    device = linear.weight.device
    inputs = scratch_array((len(windows), linear.in_features), np.float32)
    labels, touched = [], Touched()
    with torch.no_grad():
        for start in range(0, len(windows), ROWS_AT_ONCE):
            some = windows[start : start + ROWS_AT_ONCE]
            rows = cache.rows(some, str(device))
            if rows is None:
                return None
            inputs[start : start + len(some)] = head.read(rows[:, None]).cpu().numpy()
            touched.add(inputs[: len(some)].nbytes, inputs)
            labels.append(collator(some).labels)
    made = HeadStep(head, inputs, torch.cat(labels), device)
    return made if _alike(made, cache, windows[:TRIED], collator, loss) else None


def _alike(made: HeadStep, cache: PrefixCache, windows: Sequence[Features], collator: Collator, loss: Loss) -> bool:
    """Is the loss of some windows the same as with everything that a task may read?"""
    batch = collator(windows)
    rows = cache.rows(windows, str(made.device))
    assert rows is not None
    linear = made.head.linear
    with torch.no_grad():
        whole = loss(made.head.outputs(logits=linear(made.head.read(rows[:, None]))), batch)
        read = torch.from_numpy(made.inputs[: len(windows)]).to(made.device)
        try:
            short = loss(Logits(linear(read)), Batch(dict, batch.labels, ()))
        except Exception:  # whatever a task does without what it wanted to read
            return False
    return all(torch.allclose(one, other, rtol=1e-4) for one, other in zip(whole, short, strict=True))
