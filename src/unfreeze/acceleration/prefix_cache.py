"""What the frozen layers give for every window, computed once: they never change and compute without dropout.

The tables lie on disk, so that other seeds, rates and strategies over the same layers find them
(`storage/feature_files.py`). They are memory-mapped: a batch reads its own rows and no others.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unfreeze.acceleration.heap import Heap, trim_heap
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.batching.order import evaluation_batches
from unfreeze.batching.window_file import token_counts
from unfreeze.models.modes import evaluating
from unfreeze.storage.feature_files import FeatureFiles, Kept
from unfreeze.storage.mapped import Touched

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel

    from unfreeze.acceleration.fast_layers import FastLayers

FORMAT = 3  # to be raised when layers give, or the files of tables tell, something else
TOKENS_PER_BATCH = 2048  # when the tables are made
# Of the configuration, what says nothing about the layers.
BESIDE_LAYERS = ("id2label", "label2id", "unfreeze", "_name_or_path", "architectures", "problem_type", "dtype")


@dataclass(frozen=True)
class PrefixCache:
    """The outputs of the lowest `depth` layers for known windows."""

    depth: int
    tables: tuple[npt.NDArray[np.generic], ...]
    places: dict[bytes, tuple[int, int]]  # of each window: its table and its first row there
    was_found: bool  # were all tables there already?
    seconds: float  # that making the tables took, in this run or the one that did it
    single: bool  # is only the first token of each window kept, for no other is read?
    touched: Touched = field(default_factory=Touched)

    def rows(self, windows: Sequence[Features], device: str) -> Tensor | None:
        """(tokens, width) in fp32, one window after the other, or (windows, width); None if one is not known."""
        import torch

        parts = []
        for window in windows:
            place = self.places.get(_key(window))
            if place is None:
                return None
            table, first = place
            parts.append(self.tables[table][first : first + (1 if self.single else len(window))])
        together = np.concatenate(parts)
        self.touched.add(together.nbytes, *self.tables)
        joined = torch.from_numpy(together)
        return (joined.view(torch.bfloat16) if joined.dtype == torch.int16 else joined).to(device).float()

    def described(self) -> str:
        """What is cached, in words."""
        layers = "layer 1" if self.depth == 1 else f"layers 1-{self.depth}"
        size = sum(table.nbytes for table in self.tables) / 1e6
        return f"cache: {layers}, {size:,.0f} MB, {'found on disk' if self.was_found else 'computed once'}"


@dataclass(frozen=True)
class Windows:
    """The different windows of a split by their keys, with their lengths, and what all are known by together."""

    lengths: dict[bytes, int]
    digest: str
    tokens: int

    @classmethod
    def of(cls, features: Sequence[Features]) -> Windows:
        lengths = {_key(window): len(window) for window in features}
        return cls(lengths, hashlib.sha256(b"".join(lengths)).hexdigest(), sum(lengths.values()))


@dataclass
class Tables:
    """Where the tables of one network are found and made."""

    network: PreTrainedModel
    layers: FastLayers
    collator: Collator
    dtype: torch.dtype  # of the products, in which the outputs are kept as well
    files: FeatureFiles
    weights: Callable[[int], Mapping[str, Tensor]]  # of so many of the lowest layers and of what lies under them
    between: Callable[[], object]  # called between two batches; may raise
    digests: dict[str, str] = field(default_factory=dict, init=False)  # of weights, by name

    def entry(self, split: Windows, depth: int) -> tuple[str, tuple[int, int], str]:
        """What `FeatureFiles` knows the outputs of so many layers by: key, shape, dtype."""
        import torch

        kept = "int16" if self.dtype == torch.bfloat16 else "float32"
        said = f"{self._identity(depth)} {kept} {self.layers.firsts_only_above(depth)} {split.digest}"
        rows = len(split.lengths) if self.layers.firsts_only_above(depth) else split.tokens
        return hashlib.sha256(said.encode()).hexdigest(), (rows, int(self.network.config.hidden_size)), kept

    def size(self, split: Windows, depth: int) -> int:
        """Bytes of a table."""
        _, (rows, width), dtype = self.entry(split, depth)
        return rows * width * np.dtype(dtype).itemsize

    def starts(self, split: Windows, depth: int) -> dict[bytes, int]:
        """The first row of each window."""
        counts = (1 if self.layers.firsts_only_above(depth) else length for length in split.lengths.values())
        return dict(zip(split.lengths, accumulate(counts, initial=0), strict=False))

    def find(self, split: Windows, depth: int) -> Kept | None:
        """The outputs of so many layers, if they were kept."""
        return self.files.find(*self.entry(split, depth))

    def make(self, features: Sequence[Features], split: Windows, depths: Sequence[int]) -> None:
        """Compute what the layers give at these depths, in one pass, and write it.

        Raises:
            OSError: it cannot be written.
        """
        import torch

        first_of = {depth: self.starts(split, depth) for depth in depths}
        with ExitStack() as written, evaluating(self.network), torch.no_grad():
            touched, heap = Touched(), Heap()
            tables = {
                depth: written.enter_context(self.files.make(*self.entry(split, depth), share=depth / max(depths)))
                for depth in depths
            }
            for indices in evaluation_batches(token_counts(features), TOKENS_PER_BATCH):
                self.between()
                some = [features[i] for i in indices]
                found = self.layers.outputs_at(self.network, self.collator(some), depths, self.dtype)
                for depth, rows in found.items():
                    low = rows.to(self.dtype).cpu()
                    numbers = (low.view(torch.int16) if self.dtype == torch.bfloat16 else low).numpy()
                    firsts, start = self.layers.firsts_only_above(depth), 0
                    for window in some:
                        first, count = first_of[depth][_key(window)], 1 if firsts else len(window)
                        tables[depth][first : first + count] = numbers[start : start + count]
                        start += count
                    touched.add(numbers.nbytes, *tables.values())
                heap.trim_if_due()
        trim_heap()

    def _identity(self, depth: int) -> str:
        """What decides the outputs beside the windows: weights, configuration, arithmetic."""
        import torch

        below = self.weights(depth)
        for name, tensor in below.items():
            if name not in self.digests:
                numbers = tensor.detach().cpu().contiguous().numpy()
                self.digests[name] = hashlib.sha256(numbers.data).hexdigest()
        config = {name: value for name, value in self.network.config.to_dict().items() if name not in BESIDE_LAYERS}
        known = {name: self.digests[name] for name in below}
        return json.dumps([FORMAT, torch.__version__, depth, known, config], sort_keys=True, default=str)


def prefix_cache(
    tables: Tables, depth: int, splits: Sequence[Sequence[Features]], *, make: bool, others: Sequence[int] = ()
) -> PrefixCache | None:
    """The outputs of `depth` layers for all splits, found or made; None if they are not there and cannot or shall not
    be made.

    Args:
        make: compute what is not there.
        others: depths that other runs will ask for: they are filled in the same pass, where there is room.

    Raises:
        OSError: they cannot be written.
    """
    found: list[npt.NDArray[np.generic]] = []
    places: dict[bytes, tuple[int, int]] = {}
    was_found, seconds = True, 0.0
    for number, features in enumerate(splits):
        split = Windows.of(features)
        table = tables.find(split, depth)
        if table is None:
            if not make:
                return None
            was_found = False
            with tables.files.alone(split.digest):  # one pass fills the tables of several depths
                table = tables.find(split, depth)  # another process may have made it in the meantime
                if table is None:
                    tables.make(features, split, _with_room(tables, split, depth, others))
                    table = tables.find(split, depth)
        if table is None:
            return None
        found.append(table.rows)
        seconds += table.seconds
        places.update({window: (number, start) for window, start in tables.starts(split, depth).items()})
    return PrefixCache(depth, tuple(found), places, was_found, seconds, tables.layers.firsts_only_above(depth))


def _with_room(tables: Tables, split: Windows, depth: int, others: Sequence[int]) -> list[int]:
    """The depths to fill: that of this run, and those of others if all fit.

    Raises:
        OSError: it does not fit itself.
    """
    more = [one for one in others if one != depth and not tables.files.holds(tables.entry(split, one)[0])]
    for wanted in ([depth, *more], [depth]):
        if tables.files.has_room(sum(tables.size(split, one) for one in wanted)):
            return wanted
    size = tables.size(split, depth) / 1e6
    raise OSError(f"{size:,.0f} MB are more than there is room for in {tables.files.folder}")


def _key(window: Features) -> bytes:
    """What a window is known by: 16 bytes that tell its tokens and segments."""
    numbers = array("q", (len(window.input_ids), *window.input_ids, *window.segments))
    return hashlib.blake2b(numbers.tobytes(), digest_size=16).digest()
