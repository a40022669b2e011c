"""The tokens of a padded batch without its padding, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# A product of a new shape costs oneDNN a compilation, and it remembers 1,024 of them. Rows and places in steps keep the
# shapes few: products of changing size are 1.4 times as fast (docs/log.md). GPUs do not compile.
ROWS_STEP = 32
PLACES_STEP = 8
FEW_ROWS, FEW_ROWS_STEP = 256, 8  # where little is asked, the rows that fill up a step would be much of the work


@dataclass(frozen=True)
class Packing:
    """Which places of a padded batch hold tokens. Nothing here waits for a GPU.

    Packed tokens fill the first rows of `rows`; the others are zeros, and their gradients too.
    """

    lengths: tuple[int, ...]  # the tokens of each text
    bounds: Tensor  # (batch + 1,) int32, where each text begins among the packed tokens, and the number of all
    longest: int  # the places of each text when padded
    rows_step: int = ROWS_STEP

    @property
    def batch(self) -> int:
        return len(self.lengths)

    @cached_property
    def tokens(self) -> int:
        return sum(self.lengths)

    @cached_property
    def rows(self) -> int:
        return _rounded(self.tokens, self.rows_step) if self.bounds.device.type == "cpu" else self.tokens

    @cached_property
    def in_steps(self) -> Packing:
        """The same tokens, padded to places in steps."""
        if self.longest == 1 or self.bounds.device.type != "cpu":
            return self
        return replace(self, longest=_rounded(self.longest, PLACES_STEP))

    @cached_property
    def is_padded(self) -> bool:
        return self.tokens < self.batch * self.longest

    @cached_property
    def kept(self) -> Tensor:
        """(tokens,) the place of each token among the batch * longest places."""
        import torch

        starts = self.bounds[:-1].long()
        device = starts.device
        before = torch.arange(self.batch, device=device) * self.longest - starts  # places less tokens before each text
        counts = self.bounds.diff().long()
        shift = torch.repeat_interleave(before, counts, output_size=self.tokens)
        return torch.arange(self.tokens, device=device) + shift

    @cached_property
    def source(self) -> Tensor:
        """(batch * longest,) the token of each place; padding has the first token, whose use is masked."""
        import torch

        device = self.bounds.device
        places = torch.zeros(self.batch * self.longest, dtype=torch.long, device=device)
        return places.index_copy_(0, self.kept, torch.arange(self.tokens, device=device))

    @cached_property
    def bias(self) -> Tensor | None:
        """(batch, 1, 1, longest) 0 for tokens, -inf for padding; None where nothing is padded."""
        import torch

        if not self.is_padded:
            return None
        device = self.bounds.device
        filled = torch.arange(self.longest, device=device) < self.bounds.diff()[:, None]
        bias = torch.zeros(self.batch, 1, 1, self.longest, device=device)
        return bias.masked_fill_(~filled[:, None, None], float("-inf"))

    def pad(self, packed: Tensor) -> Tensor:
        """(rows, width) to (batch, longest, width), zeros for padding."""
        width, packed = packed.shape[-1], packed[: self.tokens]
        if not self.is_padded:
            return packed.view(self.batch, self.longest, width)
        places = packed.new_zeros(self.batch * self.longest, width)
        return places.index_copy_(0, self.kept, packed).view(self.batch, self.longest, width)

    def spread(self, packed: Tensor) -> Tensor:
        """(rows, width) to (batch * longest, width), with some token's numbers in place of padding."""
        return packed.index_select(0, self.source) if self.is_padded else packed[: self.tokens]

    def pack(self, padded: Tensor) -> Tensor:
        """(batch, longest, width) to (rows, width)."""
        flat = padded.reshape(self.batch * self.longest, padded.shape[-1])
        return self.filled_up(flat.index_select(0, self.kept) if self.is_padded else flat)

    def filled_up(self, packed: Tensor) -> Tensor:
        """(tokens, width) to (rows, width)."""
        from torch.nn.functional import pad

        missing = self.rows - len(packed)
        return pad(packed, (0, 0, 0, missing)) if missing else packed


def pack_lengths(lengths: Sequence[int], device: str = "cpu", rows_step: int = ROWS_STEP) -> Packing:
    """The packing of windows of these lengths, padded on the right to the longest."""
    import torch

    bounds = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32)
    return Packing(tuple(lengths), bounds.to(device, non_blocking=True), max(lengths), rows_step)


def answering_step(lengths: Sequence[int]) -> int:
    """In which steps rows are added to those of windows that are only read."""
    return FEW_ROWS_STEP if sum(lengths) <= FEW_ROWS else ROWS_STEP


def _rounded(count: int, step: int) -> int:
    return -(-count // step) * step
