"""A list of windows to one padded batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from unfreeze.batching.features import IGNORE, Batch, Features

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Collator:
    """Pads on the right to the longest window of the batch."""

    pad_token_id: int
    device: str = "cpu"
    token_labels: bool = False  # have the windows one label for each token?
    corrupt: Callable[[Features, Random | None], Features] | None = None  # what is done to each window before

    def __call__(self, windows: Sequence[Features], *, fresh: bool = False) -> Batch:
        """A batch of the windows; `fresh` corrupts them anew, from torch's generator, not always in the same way."""
        import torch

        if self.corrupt is not None:
            rng = Random(int(torch.randint(2**62, ()))) if fresh else None
            windows = [self.corrupt(window, rng) for window in windows]
        lengths = [len(window) for window in windows]
        tokens = max(lengths)
        input_ids = torch.tensor([_padded(window.input_ids, tokens, self.pad_token_id) for window in windows])
        attention_mask = torch.tensor([[1] * length + [0] * (tokens - length) for length in lengths])
        inputs = {"input_ids": input_ids.to(self.device), "attention_mask": attention_mask.to(self.device)}
        if any(window.segments for window in windows):
            segments = torch.tensor([_padded(window.segments, tokens, 0) for window in windows])
            inputs["token_type_ids"] = segments.to(self.device)
        return Batch(inputs, self._labels(windows, tokens).to(self.device), tuple(windows))

    def _labels(self, windows: Sequence[Features], tokens: int) -> Tensor:
        import torch

        if self.token_labels:
            return torch.tensor([_padded(window.labels, tokens, IGNORE) for window in windows])
        labels = torch.tensor([list(window.labels) for window in windows])
        return labels.squeeze(1) if labels.shape[1] == 1 else labels


def _padded(values: Sequence[int] | Sequence[float], length: int, filler: int) -> list[int | float]:
    return [*values, *[filler] * (length - len(values))]
