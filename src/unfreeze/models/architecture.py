"""What a network is made of, in numbers: sizes from its configuration, parameters counted part by part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy

BYTES_PER_PARAMETER = 4  # fp32
# Weights, their gradient and AdamW's two means of a parameter that trains, in fp32.
BYTES_PER_TRAINED = 4 * BYTES_PER_PARAMETER


@dataclass(frozen=True)
class Architecture:
    """One network as it was loaded, with its head. A size that the configuration does not have is None."""

    model_type: str
    network: str  # the class
    vocab_size: int | None
    hidden_size: int | None
    embedding_size: int | None  # where it differs from the hidden size: a factorised table
    intermediate_size: int | None
    num_layers: int  # layers with weights of their own
    layers_applied: int  # layers the input passes
    num_heads: int | None
    max_positions: int | None
    segments: int | None  # kinds of `token_type_ids`
    parameters: dict[str, int]  # part -> number; each layer by itself
    weights_bytes: int  # fp32

    @property
    def shares_layers(self) -> bool:
        """Do several applied layers use one set of weights (ALBERT)?"""
        return self.num_layers < self.layers_applied

    @property
    def peculiarities(self) -> list[str]:
        """What is unlike BERT, in words."""
        found = []
        if self.shares_layers:
            found.append(
                f"{self.layers_applied} layers share {self.num_layers} set of weights: none can be frozen alone"
            )
        if self.embedding_size is not None and self.hidden_size is not None:
            found.append(f"embeddings of {self.embedding_size} numbers, projected to {self.hidden_size} (factorised)")
        if "top" not in self.parameters:
            found.append("no pooler and no norm between the layers and the head")
        return found


def architecture_of(network: PreTrainedModel, anatomy: Anatomy) -> Architecture:
    """Read it off a loaded network, before a strategy adapts it."""
    config = network.config
    counts: Counter[str] = Counter()
    for name, parameter in network.named_parameters():
        place = anatomy.locate(name)
        counts[f"layer {place.depth}" if place.part == "layer" else place.part] += parameter.numel()
    layers = [f"layer {depth}" for depth in range(1, anatomy.num_layers + 1)]
    order = [part for part in ("embeddings", *layers, "top", "head") if part in counts]
    hidden = getattr(config, "hidden_size", None)
    embedding = getattr(config, "embedding_size", None)
    return Architecture(
        model_type=config.model_type,
        network=type(network).__name__,
        vocab_size=getattr(config, "vocab_size", None),
        hidden_size=hidden,
        embedding_size=embedding if embedding != hidden else None,
        intermediate_size=getattr(config, "intermediate_size", None) or getattr(config, "hidden_dim", None),
        num_layers=anatomy.num_layers,
        layers_applied=anatomy.layers_applied,
        num_heads=getattr(config, "num_attention_heads", None),
        max_positions=getattr(config, "max_position_embeddings", None),
        segments=getattr(config, "type_vocab_size", None),
        parameters={part: counts[part] for part in order},
        weights_bytes=BYTES_PER_PARAMETER * sum(counts.values()),
    )
