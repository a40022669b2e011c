"""One encoded window of an example, and a batch of them as tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

IGNORE = -100  # label of a position without loss; torch's cross_entropy skips it by default


@dataclass(frozen=True, slots=True)
class Features:
    """One window of one example, ready for the network.

    `labels` has one entry for each token, or as many for the whole window as the task has targets: a label, a number,
    the first and last token of an answer. `words` has one entry for each token: in tagging the index of the word that
    this token answers for, or -1, so that each word of an example is answered for by exactly one token of one window;
    in pretraining the word that it belongs to, or -1 for special tokens.
    """

    example: int  # index of the example in its split
    input_ids: Sequence[int]
    labels: Sequence[int] | Sequence[float]
    words: Sequence[int] = ()
    segments: Sequence[int] = ()  # 0 for the tokens of a first text, 1 for those of a second; () where nothing reads it
    weight: float = 1.0  # of the window in the loss: the windows of one text may count as one together
    offsets: npt.NDArray[np.int32] | None = None  # (tokens, 2): characters of the context, -1 for tokens outside it

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True)
class Encoded:
    """The windows of one split, and what encoding had to leave out."""

    features: Sequence[Features]  # a `WindowFile`, where a task has made them
    num_examples: int
    truncated_examples: int = 0  # those of which something is not read
    truncated_tokens: int = 0
    lost_words: int = 0  # labelled words that no window answers for
    unknown_words: int = 0  # words without a single word piece, encoded as the unknown token
    notes: tuple[str, ...] = ()  # what else is to be said of the split

    @property
    def num_tokens(self) -> int:
        return sum(map(len, self.features))


@dataclass(frozen=True)
class Batch:
    """A padded batch. Shapes: inputs (batch, tokens); labels (batch, tokens), (batch,) or (batch, targets)."""

    make_inputs: Callable[[], dict[str, Tensor]]  # called only if they are read: a cache may know what becomes of them
    labels: Tensor
    features: tuple[Features, ...]

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """What the network is called with, by name."""
        return self.make_inputs()

    @property
    def num_tokens(self) -> int:
        """Real tokens, padding not counted."""
        return sum(len(window) for window in self.features)
