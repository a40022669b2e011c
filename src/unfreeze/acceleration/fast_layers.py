"""The encoder of one network without work on padding: fused layers where its family has the right ones, hooks where it
has not. Both are tried on a made-up batch first, and what does not give the plain outputs is not used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import torch

from unfreeze.acceleration.answering_layer import Layouts, answer
from unfreeze.acceleration.fused_layer import FusedLayer, LayerPlan, Step
from unfreeze.acceleration.known_layers import known_layers, says_no_more
from unfreeze.acceleration.layer_parts import Unsupported, layer_plan
from unfreeze.acceleration.packing import Packing, pack_lengths
from unfreeze.acceleration.plain_head import PlainHead, plain_head
from unfreeze.acceleration.trial_batch import alike, kept, made_up, outputs_of, tried_lengths
from unfreeze.acceleration.unpad import unpadded
from unfreeze.acceleration.weight_copies import WeightCopies
from unfreeze.models.anatomy import AnatomyError, take_anatomy
from unfreeze.models.modes import evaluating

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from unfreeze.acceleration.prefix_cache import PrefixCache
    from unfreeze.batching.features import Batch

UNREAD = 1e4  # where there is nothing to be read


@dataclass
class FastLayers:
    """How the layers of one network are computed."""

    way: Literal["fused", "hooked", "plain"]
    network_layers: tuple[nn.Module, ...] = ()  # in the order in which they are applied
    plans: tuple[tuple[LayerPlan, tuple[Tensor, ...]], ...] = ()  # of fused ones
    reason: str = ""  # why not a faster way
    embeddings: nn.Module | None = None  # what gives the lowest layer its input
    first_only: bool = False  # does the network read the first token of the last layer and no other?
    encoder_outputs: type | None = None  # of the encoder, if they can be made from those of its layers
    head_needs_inputs: bool = True  # does what stands above the encoder look at the tokens?
    head: PlainHead | None = None  # if it needs no more of the network
    copies: dict[torch.dtype, WeightCopies] = field(default_factory=dict)
    layouts: dict[torch.dtype, Layouts] = field(default_factory=dict)
    prefix: PrefixCache | None = None  # outputs of frozen layers, while a network trains above them

    def outputs_at(
        self, network: PreTrainedModel, batch: Batch, depths: Sequence[int], dtype: torch.dtype
    ) -> dict[int, Tensor]:
        """(tokens, width) for each number of lowest layers, of fused ones; of all layers, those that are read."""
        packing = pack_lengths([len(window) for window in batch.features], str(batch.labels.device))
        found: dict[int, Tensor] = {}

        def read(depth: int, out: Tensor) -> None:
            if depth in depths:
                found[depth] = out[: packing.batch if self.firsts_only_above(depth) else packing.tokens]
            if depth == max(depths):
                raise _Reached

        with suppress(_Reached), self.active(network, packing, dtype, reading=read):
            network(**batch.inputs)
        return found

    def firsts_only_above(self, depth: int) -> bool:
        """Is of what so many lowest layers give only the first token of each text read?"""
        return self.first_only and depth == len(self.network_layers)

    @property
    def all_known(self) -> bool:
        """Does nothing but the head run where there is something in the cache?"""
        known = self.prefix is not None and self.prefix.depth == len(self.network_layers)
        return known and self.encoder_outputs is not None

    def hidden(self, packing: Packing, cached: Tensor) -> Tensor:
        """(batch, places, width) outputs of the last layer, from what is kept of them."""
        return cached[:, None] if self.first_only else packing.pad(cached)

    @contextmanager
    def active(
        self,
        network: PreTrainedModel,
        packing: Packing,
        dtype: torch.dtype,
        cached: Tensor | None = None,
        reading: Callable[[int, Tensor], None] | None = None,
        unread: float = 0.0,
        answering: bool = False,
    ) -> Iterator[None]:
        """Inside, the layers see packed tokens.

        Args:
            answering: by layers that no gradient goes through.
            unread: what stands at the places of the last layer that nobody reads.
            cached: (tokens, width), or (texts, width), what the layers of `prefix` give, which then do not run.
            reading: called with what comes out of the lowest layers, and how many these are.
        """
        if self.way == "plain":
            yield
            return
        if self.way == "hooked":
            with unpadded(network, self.network_layers, packing):
                yield
            return
        if cached is not None and self.all_known:
            assert self.encoder_outputs is not None
            with known_layers(network, self.hidden(packing, cached), self.encoder_outputs):
                yield
            return
        copies = self.copies.setdefault(dtype, WeightCopies(dtype))
        begin = 0 if cached is None or self.prefix is None else self.prefix.depth
        top = len(self.network_layers) - 1
        if cached is not None and begin <= top:
            cached = packing.filled_up(cached)
        finish = partial(_pad_firsts, packing, unread) if self.first_only else packing.pad
        asking = _firsts(packing) if self.first_only else None
        with ExitStack() as patched:

            def patch(module: nn.Module, forward: Callable[..., Tensor]) -> None:
                module.forward = forward
                patched.callback(module.__dict__.pop, "forward")

            if begin and self.embeddings is not None:
                patch(self.embeddings, _nothing(self.embeddings, packing))
            for i, (layer, (plan, parameters)) in enumerate(zip(self.network_layers, self.plans, strict=True)):
                step = Step(plan, packing.in_steps, copies, layer.training)
                if i == top and asking is not None:
                    step = replace(step, rows=_first_rows(packing, asking), asking=asking)
                apply = partial(_answer, step, self._layouts(copies)) if answering else partial(_apply, step)
                run = _Run(
                    _same if i < begin else partial(apply, parameters),
                    begin=packing.pack if i == 0 and not begin else _same,
                    cached=cached if i == begin - 1 else None,
                    finish=finish if i == top else _same,
                    read=partial(reading, i + 1) if reading is not None else _same,
                )
                patch(layer, run)
            yield

    def _layouts(self, copies: WeightCopies) -> Layouts:
        return self.layouts.setdefault(copies.dtype, Layouts(copies))


class _Reached(Exception):
    """What was wanted of a forward pass is known."""


@dataclass(frozen=True)
class _Run:
    """One layer on packed tokens, called as the stock layer is."""

    applied: Callable[[Tensor], Tensor]
    begin: Callable[[Tensor], Tensor]  # what is done to the input before
    cached: Tensor | None  # what takes the place of the input
    finish: Callable[[Tensor], Tensor]  # what is done to the output
    read: Callable[[Tensor], object]  # looks at the output

    def __call__(self, hidden: Tensor, *_: Any, **__: Any) -> Tensor:
        out = self.applied(self.begin(hidden) if self.cached is None else self.cached)
        self.read(out)
        return self.finish(out)


def _firsts(packing: Packing) -> Packing:
    """One token of each text."""
    return pack_lengths([1] * packing.batch, str(packing.bounds.device), packing.rows_step)


def _first_rows(packing: Packing, asking: Packing) -> Tensor:
    """Where the first token of each text is; what fills up the rows of `asking` points anywhere."""
    return torch.nn.functional.pad(packing.bounds[:-1].long(), (0, asking.rows - asking.batch))


def _pad_firsts(packing: Packing, unread: float, firsts: Tensor) -> Tensor:
    """(batch, width) to (batch, longest, width)."""
    places = firsts.new_full((packing.batch, packing.longest, firsts.shape[1]), unread)
    return places.index_copy_(1, places.new_zeros(1, dtype=torch.long), firsts[: packing.batch, None])


def _same(hidden: Tensor) -> Tensor:
    return hidden


def _apply(step: Step, parameters: tuple[Tensor, ...], hidden: Tensor) -> Tensor:
    with torch.autocast(hidden.device.type, enabled=False):
        out: Tensor = FusedLayer.apply(hidden, step, *parameters)  # type: ignore[no-untyped-call]
    return out


def _answer(step: Step, layouts: Layouts, parameters: tuple[Tensor, ...], hidden: Tensor) -> Tensor:
    with torch.autocast(hidden.device.type, enabled=False):
        return answer(hidden, step, layouts, parameters)


def _nothing(embeddings: nn.Module, packing: Packing) -> Callable[..., Tensor]:
    """In place of embeddings that nobody reads: their shape, without memory."""
    weight = next(embeddings.parameters())

    def forward(*_: Any, **__: Any) -> Tensor:
        return weight.new_zeros(1).expand(packing.batch, packing.longest, weight.shape[-1])

    return forward


_KNOWN: WeakKeyDictionary[Any, FastLayers] = WeakKeyDictionary()
_ANSWERING: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def can_answer(network: PreTrainedModel) -> bool:
    """Do the layers that no gradient goes through give what the network gives? They use what torch keeps for its own
    compiler, which another version of it may not have."""
    if network not in _ANSWERING:
        layers = fast_layers(network)
        on_cpu = network.device.type == "cpu"
        _ANSWERING[network] = on_cpu and layers.way == "fused" and not _difference(network, layers, answering=True)
    return _ANSWERING[network]


def fast_layers(network: PreTrainedModel) -> FastLayers:
    """The fastest way to compute this network's layers that gives what they give."""
    if network not in _KNOWN:
        _KNOWN[network] = _find(network)
    return _KNOWN[network]


def _find(network: PreTrainedModel) -> FastLayers:
    try:
        anatomy = take_anatomy(network)
    except AnatomyError as error:
        return FastLayers("plain", reason=str(error))
    if anatomy.shared:
        return FastLayers("plain", reason="its layers share their weights")
    layers = tuple(network.get_submodule(prefix) for prefix in anatomy.layer_prefixes)
    try:
        plans = tuple(layer_plan(layer, network.config) for layer in layers)
    except Unsupported as unsupported:
        reason = str(unsupported)
    else:
        embeddings = getattr(network.base_model, "embeddings", None)
        fused = FastLayers("fused", layers, plans, embeddings=embeddings)
        reason = _difference(network, fused)
        if not reason:
            # NaN at the other places reaches whatever is computed from them, also if only their mean is read.
            single = replace(fused, first_only=True)
            found = fused if _difference(network, single, unread=float("nan")) else single
            return _head_alone(network, found)
    hooked = FastLayers("hooked", layers, reason=reason)
    reason = _difference(network, hooked)
    return FastLayers("plain", reason=reason) if reason else hooked


def _head_alone(network: PreTrainedModel, layers: FastLayers) -> FastLayers:
    """With what the encoder returns, if it and the network say the same from known outputs of the last layer."""
    inputs, mask = made_up(network)
    mask = mask.to(network.device)
    encoder = network.base_model
    hidden: list[Tensor] = []
    with evaluating(network), torch.no_grad():
        with layers.network_layers[-1].register_forward_hook(lambda module, args, output: hidden.append(output)):
            said = encoder(**inputs)
        if not says_no_more(said) or not isinstance(hidden[0], torch.Tensor):
            return layers
        plain = [*outputs_of(said), *outputs_of(network(**inputs))]
        # What stands in place of padding must not matter.
        known = torch.where(mask.bool()[..., None], hidden[0], UNREAD)
        known = known[:, :1] if layers.first_only else known
        for given in ({}, inputs):
            fast: list[Tensor] = []
            with known_layers(network, known, type(said)), suppress(Exception):
                fast = [*outputs_of(encoder(**given)), *outputs_of(network(**given))]
            if layers.first_only and fast:
                fast[0], plain[0] = fast[0][:, :1], plain[0][:, :1]
            if fast and all(alike(kept(a, mask), kept(b, mask)) for a, b in zip(plain, fast, strict=True)):
                head = None if given else plain_head(network, known, type(said))
                return replace(layers, encoder_outputs=type(said), head_needs_inputs=bool(given), head=head)
    return layers


def _difference(network: PreTrainedModel, layers: FastLayers, unread: float = 0.0, *, answering: bool = False) -> str:
    """What the network does otherwise than plainly for texts of several lengths; empty: nothing."""
    inputs, mask = made_up(network)
    packing = pack_lengths(tried_lengths(network), str(network.device))
    try:
        with evaluating(network), torch.no_grad():
            plain = outputs_of(network(**inputs))
            with layers.active(network, packing, torch.float32, unread=unread, answering=answering):
                fast = outputs_of(network(**inputs))
    except Exception as error:  # whatever a family does with tokens that have lost their places
        return f"its layers need their padding ({type(error).__name__}: {error})"
    # What the network says of padding is nothing.
    same = all(alike(kept(a, mask), kept(b, mask)) for a, b in zip(plain, fast, strict=True))
    return "" if same else "it gives other outputs without padding"
