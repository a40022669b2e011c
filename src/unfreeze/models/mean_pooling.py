"""Mean pooling: the head of a text classifier reads the mean over the tokens."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def pool_mean(network: PreTrainedModel) -> None:
    """Let the head read the mean of the encoder's last outputs over all tokens of the text, in place.

    [CLS] and [SEP] are tokens too, as in sentence-transformers; padding is not. A pooler, trained to read [CLS], is
    bypassed and removed: it would neither be used nor learn.
    """
    encoder = network.base_model
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    encoder.register_forward_hook(_mean_at_every_token, with_kwargs=True)


# A function of the module and not a closure, so that a copy of a network needs nothing of the original.


def _mean_at_every_token(encoder: nn.Module, args: Any, kwargs: dict[str, Any], outputs: Any) -> Any:
    """Put the mean at every token, so that a head finds it wherever it looks: at the first, the last or the pooler."""
    hidden: torch.Tensor = outputs.last_hidden_state  # (batch, tokens, hidden)
    mask = inspect.signature(encoder.forward).bind(*args, **kwargs).arguments.get("attention_mask")
    mask = torch.ones_like(hidden[..., 0]) if mask is None else mask
    weights = mask.to(torch.float32).unsqueeze(-1)  # (batch, tokens, 1)
    mean = (hidden.to(torch.float32) * weights).sum(1) / weights.sum(1).clamp(min=1)
    mean = mean.to(hidden.dtype)
    # Built anew and not set: heads read the pooler's output by its position among the fields.
    values = {field.name: getattr(outputs, field.name) for field in fields(outputs)}
    values["last_hidden_state"] = mean.unsqueeze(1).expand_as(hidden)
    if "pooler_output" in values:
        values["pooler_output"] = mean
    return type(outputs)(**values)
