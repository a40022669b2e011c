"""A made-up batch that a way to compute a network is tried on, and whether two ways give the same for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

TRIED_LENGTHS = (3, 9, 5)  # tokens of the made-up texts
TOLERANCE = 1e-3  # relative to the largest output; errors of construction are far larger, those of rounding smaller


def tried_lengths(network: PreTrainedModel) -> tuple[int, ...]:
    """Of the made-up texts; where attention is local one of them is longer than its reach to both sides."""
    reach = getattr(network.config, "local_attention", None)
    if reach is None:
        return TRIED_LENGTHS
    return (*TRIED_LENGTHS, min(int(reach) + 3, network.config.max_position_embeddings))


def made_up(network: PreTrainedModel) -> tuple[dict[str, Tensor], Tensor]:
    """Texts of several lengths, and where they have tokens."""
    device, lengths = network.device, tried_lengths(network)
    generator = torch.Generator().manual_seed(0)
    vocabulary = network.get_input_embeddings().weight.shape[0]
    ids = torch.randint(min(5, vocabulary - 1), vocabulary, (len(lengths), max(lengths)), generator=generator)
    mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
    padding = network.config.pad_token_id
    ids = torch.where(mask.bool(), ids, 0 if padding is None else padding)
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}, mask


def alike(plain: Tensor, fast: Tensor) -> bool:
    """Do two outputs differ by rounding at most?"""
    largest = float(plain.abs().max()) if plain.numel() else 0.0
    return torch.allclose(plain, fast, rtol=0, atol=TOLERANCE * max(1.0, largest))


def outputs_of(outputs: Any) -> list[Tensor]:
    """The numbers that a network gives, in fp32."""
    found = outputs.values() if isinstance(outputs, Mapping) else outputs
    return [one.float() for one in found if isinstance(one, torch.Tensor) and one.is_floating_point()]


def kept(output: Tensor, mask: Tensor) -> Tensor:
    """An output without its padding, where it has one for each token."""
    return output[mask.bool()] if output.shape[:2] == mask.shape else output
