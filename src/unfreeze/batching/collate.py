"""A list of windows to one padded batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import numpy as np

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
        tokens = max(map(len, windows))
        labels = self._labels(windows, tokens).to(self.device)
        return Batch(partial(self._inputs, windows, tokens), labels, tuple(windows))

    def _inputs(self, windows: Sequence[Features], tokens: int) -> dict[str, Tensor]:
        import torch

        lengths = np.array([len(window) for window in windows])
        inputs = {
            "input_ids": _padded([window.input_ids for window in windows], tokens, self.pad_token_id),
            "attention_mask": torch.from_numpy((np.arange(tokens) < lengths[:, None]).astype(np.int64)),
        }
        if any(window.segments for window in windows):
            inputs["token_type_ids"] = _padded([window.segments for window in windows], tokens, 0)
        return {name: values.to(self.device) for name, values in inputs.items()}

    def _labels(self, windows: Sequence[Features], tokens: int) -> Tensor:
        import torch

        if self.token_labels:
            return _padded([window.labels for window in windows], tokens, IGNORE)
        labels = torch.tensor([list(window.labels) for window in windows])
        return labels.squeeze(1) if labels.shape[1] == 1 else labels


def _padded(rows: Sequence[Sequence[int] | Sequence[float]], length: int, filler: int) -> Tensor:
    """(rows, length) whole numbers."""
    import torch

    padded = np.full((len(rows), length), filler, np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(padded)
