"""What the frozen layers give for every window, computed once: they never change and compute without dropout.

The tables lie on disk, so that other seeds, rates and strategies over the same layers find them
(`storage/feature_files.py`). They are memory-mapped: a batch reads its own rows and no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.batching.order import evaluation_batches
from unfreeze.models.modes import evaluating
from unfreeze.storage.feature_files import FeatureFiles

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel

    from unfreeze.acceleration.fast_layers import FastLayers

TOKENS_PER_BATCH = 4096  # when the tables are made
# Of the configuration, what says nothing about the layers.
BESIDE_LAYERS = ("id2label", "label2id", "unfreeze", "_name_or_path", "architectures", "problem_type", "dtype")
Window = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class PrefixCache:
    """The outputs of the lowest `depth` layers for known windows."""

    depth: int
    tables: tuple[npt.NDArray[np.generic], ...]
    places: dict[Window, tuple[int, int]]  # of each window: its table and its first row there
    was_found: bool  # were all tables there already?
    single: bool  # is only the first token of each window kept, for no other is read?

    def rows(self, windows: Sequence[Features], device: str) -> Tensor | None:
        """(tokens, width) in fp32, one window after the other, or (windows, width); None if one is not known."""
        import torch

        parts = []
        for window in windows:
            place = self.places.get(_window(window))
            if place is None:
                return None
            table, first = place
            parts.append(self.tables[table][first : first + (1 if self.single else len(window))])
        joined = torch.from_numpy(np.concatenate(parts))
        return (joined.view(torch.bfloat16) if joined.dtype == torch.int16 else joined).to(device).float()

    def described(self) -> str:
        """What is cached, in words."""
        layers = "layer 1" if self.depth == 1 else f"layers 1-{self.depth}"
        size = sum(table.nbytes for table in self.tables) / 1e6
        return f"cache: {layers}, {size:,.0f} MB, {'found on disk' if self.was_found else 'computed once'}"


def prefix_cache(
    network: PreTrainedModel,
    layers: FastLayers,
    depth: int,
    below: Mapping[str, Tensor],
    splits: Sequence[Sequence[Features]],
    collator: Collator,
    dtype: torch.dtype,
    files: FeatureFiles,
    *,
    make: bool,
) -> PrefixCache | None:
    """The tables of all splits, found or made; None if they are not there and cannot or shall not be made.

    Args:
        below: the weights that decide the outputs, by name.
        dtype: of the products, in which the outputs are kept as well.
        make: compute what is not there.
    """
    import torch

    width = int(network.config.hidden_size)
    kept = "int16" if dtype == torch.bfloat16 else "float32"
    single = layers.first_only and depth == len(layers.network_layers)
    identity = _identity(network, below, depth, kept) + f" {single}"
    tables: list[npt.NDArray[np.generic]] = []
    places: dict[Window, tuple[int, int]] = {}
    was_found = True
    for number, features in enumerate(splits):
        windows = list(dict.fromkeys(map(_window, features)))
        starts = np.cumsum([0, *(1 if single else len(ids) for ids, _ in windows)]).tolist()
        key = hashlib.sha256((identity + json.dumps(windows)).encode()).hexdigest()
        shape = (starts[-1], width)
        table = files.find(key, shape, kept)
        if table is None:
            was_found = False
            size = shape[0] * width * np.dtype(kept).itemsize
            if not make or not files.has_room(size):
                return None
            firsts = dict(zip(windows, starts, strict=False))
            with files.make(key, shape, kept) as new:
                _fill(new, network, layers, depth, features, firsts, collator, dtype, single)
            table = files.find(key, shape, kept)
            if table is None:
                return None
        tables.append(table)
        places.update({window: (number, start) for window, start in zip(windows, starts, strict=False)})
    return PrefixCache(depth, tuple(tables), places, was_found, single)


def _fill(
    table: Any,
    network: PreTrainedModel,
    layers: FastLayers,
    depth: int,
    features: Sequence[Features],
    firsts: dict[Window, int],
    collator: Collator,
    dtype: torch.dtype,
    single: bool,
) -> None:
    import torch

    with evaluating(network), torch.no_grad():
        for indices in evaluation_batches([len(window) for window in features], TOKENS_PER_BATCH):
            batch = collator([features[i] for i in indices])
            rows = layers.outputs_at(network, batch, depth, dtype).to(dtype).cpu()
            numbers = (rows.view(torch.int16) if dtype == torch.bfloat16 else rows).numpy()
            start = 0
            for i in indices:
                first, count = firsts[_window(features[i])], 1 if single else len(features[i])
                table[first : first + count] = numbers[start : start + count]
                start += count


def _window(window: Features) -> Window:
    return tuple(window.input_ids), tuple(window.segments)


def _identity(network: PreTrainedModel, below: Mapping[str, Tensor], depth: int, kept: str) -> str:
    """What decides the outputs beside the windows: weights, configuration, arithmetic."""
    digest = hashlib.sha256()
    for name, tensor in sorted(below.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    config = {name: value for name, value in network.config.to_dict().items() if name not in BESIDE_LAYERS}
    return f"{digest.hexdigest()} {json.dumps(config, sort_keys=True, default=str)} {depth} {kept}"
