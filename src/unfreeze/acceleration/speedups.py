"""All speed levers of a forward pass, composed: the one place where they meet the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.compact_vocabulary import CompactVocabulary, compact_vocabulary
from unfreeze.acceleration.precision import PLAIN, Precision
from unfreeze.batching.features import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Speedups:
    """How every forward pass is computed; the weights are the stock ones all the time."""

    precision: Precision = PLAIN
    unpad: bool = True
    compact: bool = True

    @contextmanager
    def vocabulary(self, network: PreTrainedModel, ids: frozenset[int] | None) -> Iterator[CompactVocabulary | None]:
        """Inside, the table of word embeddings holds the rows of `ids` only; None: it stays whole."""
        if ids is None or not self.compact:
            yield None
            return
        with compact_vocabulary(network, ids) as compact:
            yield compact

    def forward(self, network: PreTrainedModel, batch: Batch) -> Any:
        """What the network says of a batch."""
        device = str(batch.labels.device)
        with self.precision.active(device), self._layers(network, batch, device):
            return network(**batch.inputs)

    def _layers(self, network: PreTrainedModel, batch: Batch, device: str) -> Any:
        if not self.unpad:
            return nullcontext()
        import torch

        from unfreeze.acceleration.fast_layers import fast_layers
        from unfreeze.acceleration.packing import pack_lengths

        layers = fast_layers(network)
        if layers is None:
            return nullcontext()
        packing = pack_lengths([len(window) for window in batch.features], device)
        return layers.active(network, packing, torch.bfloat16 if self.precision.name == "bf16" else torch.float32)


OFF = Speedups(PLAIN, unpad=False, compact=False)
