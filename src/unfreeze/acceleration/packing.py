"""The tokens of a padded batch without its padding, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Which places of a padded batch hold tokens."""

    batch: int
    longest: int
    kept: Tensor  # (tokens,) the place of each token among the batch * longest places
    source: Tensor  # (batch * longest,) the token of each place; padding has the first token, whose use is masked
    bias: Tensor | None  # (batch, 1, 1, longest) 0 for tokens, -inf for padding; None where nothing is padded

    @property
    def is_padded(self) -> bool:
        return self.bias is not None

    def pad(self, packed: Tensor) -> Tensor:
        """(tokens, width) to (batch, longest, width), zeros for padding."""
        width = packed.shape[-1]
        if not self.is_padded:
            return packed.view(self.batch, self.longest, width)
        places = packed.new_zeros(self.batch * self.longest, width)
        return places.index_copy_(0, self.kept, packed).view(self.batch, self.longest, width)

    def spread(self, packed: Tensor) -> Tensor:
        """(tokens, width) to (batch * longest, width), with some token's numbers in place of padding."""
        return packed.index_select(0, self.source) if self.is_padded else packed

    def pack(self, padded: Tensor) -> Tensor:
        """(batch, longest, width) to (tokens, width)."""
        flat = padded.reshape(self.batch * self.longest, padded.shape[-1])
        return flat.index_select(0, self.kept) if self.is_padded else flat


def pack_lengths(lengths: Sequence[int], device: str = "cpu") -> Packing:
    """The packing of windows of these lengths, padded on the right to the longest."""
    import torch

    batch, longest = len(lengths), max(lengths)
    counts = torch.tensor(lengths).unsqueeze(1)
    filled = torch.arange(longest).unsqueeze(0) < counts  # (batch, longest)
    kept = filled.flatten().nonzero().squeeze(1)
    source = torch.zeros(batch * longest, dtype=torch.long)
    source[kept] = torch.arange(len(kept))
    bias = None
    if len(kept) < batch * longest:
        bias = torch.zeros(batch, 1, 1, longest).masked_fill_(~filled[:, None, None], float("-inf")).to(device)
    return Packing(batch, longest, kept.to(device), source.to(device), bias)
