"""No work on padding: the layers of any network with an exchangeable attention see the tokens one after the other.

Hooks pack the tokens before the lowest layer and pad them after the last one; in between, attention runs through a
function of our own, which pads for its small products only. Embeddings and head see the padded batch, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from unfreeze.acceleration.packing import Packing

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

ATTENTION = "unfreeze_packed"
_PACKING: ContextVar[Packing] = ContextVar("packing")


@contextmanager
def unpadded(network: PreTrainedModel, layers: Sequence[nn.Module], packing: Packing) -> Iterator[None]:
    """Inside, the layers of the network compute on packed tokens."""
    _register()
    config = network.config
    before = config._attn_implementation
    token = _PACKING.set(packing)
    handles = [layer.register_forward_pre_hook(_packing_inputs, with_kwargs=True) for layer in layers]
    handles.append(layers[-1].register_forward_hook(_padding_output))
    config._attn_implementation_internal = ATTENTION
    try:
        yield
    finally:
        config._attn_implementation_internal = before
        for handle in handles:
            handle.remove()
        _PACKING.reset(token)


def packed_attention(
    module: nn.Module,
    query: Tensor,  # (1, heads, tokens, width of a head), as key and value
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of each text to itself, (1, tokens, heads, width of a head)."""
    packing = _PACKING.get()
    batch, longest, heads, width = packing.batch, packing.longest, query.shape[1], query.shape[3]

    def spread(packed: Tensor) -> Tensor:
        flat = packing.spread(packed[0].transpose(0, 1).reshape(-1, heads * width))
        return flat.view(batch, longest, heads, width).transpose(1, 2)

    queries, keys, values = spread(query), spread(key), spread(value)
    scores = torch.matmul(queries, keys.transpose(2, 3)) * (width**-0.5 if scaling is None else scaling)
    if packing.bias is not None:
        scores = scores + packing.bias.to(scores.dtype)
    if sliding_window is not None and sliding_window < longest:
        places = torch.arange(longest, device=scores.device)
        # ModernBERT hands over one more than its reach, as flash kernels count it.
        far = (places[:, None] - places[None]).abs() >= sliding_window
        scores = scores.masked_fill(far, float("-inf"))
    shares = nn.functional.dropout(torch.softmax(scores, -1), dropout, module.training)
    mixed = torch.matmul(shares, values).transpose(1, 2).reshape(batch, longest, heads * width)
    return packing.pack(mixed).view(1, -1, heads, width), None


def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, packed_attention)


def _packing_inputs(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    packing = _PACKING.get()
    hidden, *rest = args
    if hidden.shape[0] == packing.batch and hidden.dim() == 3 and hidden.shape[1] == packing.longest:
        hidden = packing.pack(hidden).unsqueeze(0)
    if "position_embeddings" in kwargs:  # one for each place: rotary positions
        places = nn.functional.pad(packing.kept % packing.longest, (0, packing.rows - packing.tokens))
        angles = tuple(one[0].index_select(0, places).unsqueeze(0) for one in kwargs["position_embeddings"])
        kwargs = {**kwargs, "position_embeddings": angles}
    return (hidden, *rest), kwargs


def _padding_output(layer: nn.Module, args: Any, output: Any) -> Any:
    packing = _PACKING.get()
    hidden = output[0] if isinstance(output, tuple) else output
    padded = packing.pad(hidden[0])
    return (padded, *output[1:]) if isinstance(output, tuple) else padded
