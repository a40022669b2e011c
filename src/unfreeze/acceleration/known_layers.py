"""The outputs of all layers are known: of the encoder only what stands above them runs, its pooler if it has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def says_no_more(outputs: Any) -> bool:
    """Whether `known_layers` can say all that an encoder said here."""
    said = {name for name, value in outputs.items() if value is not None} if isinstance(outputs, Mapping) else set()
    return "last_hidden_state" in said and said <= {"last_hidden_state", "pooler_output"}


@contextmanager
def known_layers(network: PreTrainedModel, hidden: Tensor, kind: type) -> Iterator[None]:
    """Inside, the encoder of the network gives these outputs of its last layer, whatever it is asked.

    Args:
        hidden: (batch, places, width).
        kind: the class of what the encoder returns.
    """
    encoder = network.base_model
    pooler = getattr(encoder, "pooler", None)

    @wraps(encoder.forward)  # hooks ask for its signature
    def forward(*_: Any, **__: Any) -> Any:
        return kind(last_hidden_state=hidden) if pooler is None else kind(hidden, pooler(hidden))

    encoder.forward = forward
    try:
        yield
    finally:
        del encoder.forward
