"""All speed levers of a forward pass, composed: the one place where they meet the network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.compact_vocabulary import CompactVocabulary, compact_vocabulary, worth_it
from unfreeze.acceleration.precision import PLAIN, Precision, PrecisionChoice, choose_precision
from unfreeze.batching.features import Batch, Features
from unfreeze.storage.feature_files import FeatureFiles, cache_folder

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from unfreeze.acceleration.head_step import HeadStep, Loss
    from unfreeze.acceleration.prefix_cache import PrefixCache
    from unfreeze.batching.collate import Collator


@dataclass(frozen=True)
class Speedups:
    """How every forward pass is computed; the weights are the stock ones all the time."""

    precision: Precision = PLAIN
    unpad: bool = True
    compact: bool = True
    cache: FeatureFiles | None = None  # where the outputs of frozen layers are kept; None: they are not
    answering: bool = False  # do the weights stand still, so that they may be laid out for their products once?

    @classmethod
    def of(
        cls,
        levers: Collection[str],
        precision: PrecisionChoice,
        device: str,
        fails_in_bf16: Callable[[], str] = lambda: "",
    ) -> Speedups:
        """What `--speedups` and `--precision` come to on this machine.

        Args:
            levers: each is the name of a field.
            fails_in_bf16: why the network does not compute in bf16, empty if it does; asked where a probe takes it.
        """
        chosen = choose_precision(precision, device, speedups="precision" in levers)
        if chosen.name == "bf16" and precision == "auto":
            failure = fails_in_bf16()
            if failure:
                chosen = replace(PLAIN, reason=f"fp32: this family does not compute in bf16 ({failure})")
        files = FeatureFiles(cache_folder()) if "cache" in levers else None
        return cls(chosen, unpad="unpad" in levers, compact="compact" in levers, cache=files)

    def kept_in(self, files: FeatureFiles) -> Speedups:
        """The same with outputs of frozen layers in these files, if they are kept at all."""
        return self if self.cache is None else replace(self, cache=files)

    def with_layers_read(self) -> Speedups:
        """The same for a loss that reads what every layer gives: all run, and give it with the batch's padding."""
        return replace(self, unpad=False, cache=None)

    @contextmanager
    def vocabulary(self, network: PreTrainedModel, ids: frozenset[int] | None) -> Iterator[CompactVocabulary | None]:
        """Inside, the table of word embeddings holds the rows of `ids` only; None: it stays whole."""
        if self.unpad:
            from unfreeze.acceleration.fast_layers import fast_layers

            fast_layers(network)  # tried now, for made-up texts may hold any token
        if ids is None or not self.compact:
            yield None
            return
        with compact_vocabulary(network, ids) as compact:
            yield compact

    @contextmanager
    def prefix(
        self,
        network: PreTrainedModel,
        depth: int,
        weights: Callable[[int], Mapping[str, Tensor]],
        splits: Sequence[Sequence[Features]],
        collator: Collator,
        *,
        make: bool,
        others: Sequence[int] = (),
        told: Callable[[str], object] = lambda words: None,
        between: Callable[[], object] = lambda: None,
    ) -> Iterator[PrefixCache | None]:
        """Inside, the lowest `depth` layers do not run for the windows of these splits: what they give is known.

        Args:
            weights: of so many of the lowest layers and of what lies under them, by name.
            make: compute what is not on disk yet.
            others: depths that other runs will ask for.
            told: hears why they cannot be kept.
            between: called between two batches; may raise.
        """
        from unfreeze.acceleration.fast_layers import fast_layers
        from unfreeze.acceleration.prefix_cache import Tables, prefix_cache

        layers = fast_layers(network) if self.cache is not None and self.unpad and depth > 0 else None
        if layers is None or layers.way != "fused" or self.cache is None:
            yield None
            return
        tables = Tables(network, layers, collator, self._dtype, self.cache, weights, between)
        try:
            layers.prefix = prefix_cache(tables, depth, splits, make=make, others=others)
        except OSError as error:
            told(f"outputs of frozen layers are not kept: {error}")
        try:
            yield layers.prefix
        finally:
            layers.prefix = None

    def head_step(
        self,
        network: PreTrainedModel,
        windows: Sequence[Features],
        collator: Collator,
        trained: Collection[nn.Parameter],
        loss: Loss,
    ) -> HeadStep | None:
        """Within `prefix`, a shorter way to train a head alone; None if more than that is to be computed.

        Args:
            trained: the parameters that train in any epoch.
            loss: what the task makes of outputs and a batch.
        """
        from unfreeze.acceleration.fast_layers import fast_layers
        from unfreeze.acceleration.head_step import head_step

        layers = fast_layers(network)
        if layers.head is None or layers.prefix is None or not layers.all_known:
            return None
        try:
            return head_step(layers.head, layers.prefix, windows, collator, trained, loss)
        except OSError:
            return None  # no room for a copy of what the head reads; it is read from the cache

    def forward(self, network: PreTrainedModel, batch: Batch) -> Any:
        """What the network says of a batch."""
        device = str(batch.labels.device)
        if not self.unpad:
            with self.precision.active(device):
                return network(**batch.inputs)
        from unfreeze.acceleration.fast_layers import can_answer, fast_layers
        from unfreeze.acceleration.packing import ROWS_STEP, answering_step, pack_lengths

        layers = fast_layers(network)
        answering = self.answering and can_answer(network)
        cached = None if layers.prefix is None else layers.prefix.rows(batch.features, device)
        lengths = [len(window) for window in batch.features]
        packing = pack_lengths(lengths, device, answering_step(lengths) if answering else ROWS_STEP)
        alone = cached is not None and layers.all_known
        if alone and layers.head is not None and cached is not None:
            return layers.head(layers.hidden(packing, cached))
        # A head by itself has products too small to gain from casts.
        precision = PLAIN if alone else self.precision
        active = layers.active(network, packing, self._dtype, cached, answering=answering)
        with precision.active(device), active:
            return network(**batch.inputs) if not alone or layers.head_needs_inputs else network()

    def described(
        self,
        network: PreTrainedModel,
        device: str,
        padding: float,
        ids: frozenset[int] | None,
        depths: Sequence[int],
        tokens: int,
    ) -> str:
        """What is done for this network, in words.

        Args:
            device: that it will train on.
            padding: the share of a training batch's places that hold no token.
            ids: the tokens that training and validation hold; None: they may be any.
            depths: so many of the lowest layers are frozen all the time in some run.
            tokens: of all splits.
        """
        said = []
        if self.unpad:
            from unfreeze.acceleration.fast_layers import fast_layers

            layers = fast_layers(network)
            ways = {
                "fused": "left out by fused layers",
                "hooked": "left out by hooks",
                "plain": "computed all the same",
            }
            said.append(f"unpadding: {100 * padding:.0f} % of the places in a batch are padding, {ways[layers.way]}")
            said += [layers.reason] if layers.reason else []
            said += ["of the last layer only the first token is computed"] if layers.first_only else []
            said += self.beyond_rounding(network, device)
        if self.compact and ids is not None and worth_it(network, ids):
            rows = network.get_input_embeddings().weight.shape[0]
            said.append(f"word embeddings: where they train, only the {len(ids):,} of {rows:,} rows in use are held")
        if self.cache is not None and depths and self.unpad and layers.way == "fused":
            layers_said = ", ".join("layer 1" if depth == 1 else f"layers 1-{depth}" for depth in depths)
            size = tokens * network.config.hidden_size * self._dtype.itemsize / 1e6
            said.append(f"cache: {layers_said}, computed once, at most {size:,.0f} MB each in {self.cache.folder}")
        return "; ".join(said)

    def beyond_rounding(self, network: PreTrainedModel, device: str) -> list[str]:
        """What of it is not the stock arithmetic in another order."""
        from unfreeze.acceleration.fast_layers import fast_layers

        pool = self.unpad and device == "cpu" and fast_layers(network).way == "fused"
        return ["dropout masks are cut from a pool of random numbers"] if pool else []

    @property
    def _dtype(self) -> torch.dtype:
        import torch

        return torch.bfloat16 if self.precision.name == "bf16" else torch.float32


OFF = Speedups(PLAIN, unpad=False, compact=False)
FP32 = Speedups(PLAIN)  # nothing in it depends on a probe
