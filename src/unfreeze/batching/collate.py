"""A list of windows to one padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfreeze.batching.features import IGNORE, Batch, Features

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Collator:
    """Pads on the right to the longest window of the batch."""

    pad_token_id: int
    device: str = "cpu"

    def __call__(self, windows: Sequence[Features]) -> Batch:
        import torch

        lengths = [len(window) for window in windows]
        tokens = max(lengths)
        input_ids = torch.tensor([_padded(window.input_ids, tokens, self.pad_token_id) for window in windows])
        attention_mask = torch.tensor([[1] * length + [0] * (tokens - length) for length in lengths])
        inputs = {"input_ids": input_ids.to(self.device), "attention_mask": attention_mask.to(self.device)}
        return Batch(inputs, self._labels(windows, tokens).to(self.device), tuple(windows))

    def _labels(self, windows: Sequence[Features], tokens: int) -> Tensor:
        import torch

        # A token-level task marks itself by its `words`; a text-level one has a single label.
        if windows[0].words:
            return torch.tensor([_padded(window.labels, tokens, IGNORE) for window in windows])
        return torch.tensor([window.labels[0] for window in windows])


def _padded(values: Sequence[int], length: int, filler: int) -> list[int]:
    return [*values, *[filler] * (length - len(values))]
