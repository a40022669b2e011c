"""What the parts of a layer are called in each family: attention, feed-forward block, the places between them.

Looked up by parameter names, so that a new family with names known here needs no entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Anatomy

# The attention projections by the last part of their names; the first line found in the layers is taken.
ATTENTION_PROJECTIONS = (
    ("query", "key", "value"),  # bert, roberta, electra, albert, xlm-roberta, camembert
    ("q_lin", "k_lin", "v_lin"),  # distilbert
    ("Wqkv",),  # modernbert: one matrix for all three
    ("query_proj", "key_proj", "value_proj"),  # deberta-v2
    ("q", "k", "v"),  # mpnet
)


# The module that a bottleneck adapter adds to the one it follows; all other names stay those of the stock network.
BOTTLENECK = "bottleneck"


@dataclass(frozen=True)
class Sublayers:
    """Modules of one layer, by their names inside it.

    The outputs are those of a sub-layer before the residual is added: of its dropout where that comes last.
    """

    attention_projection: str  # the last matrix of the attention sub-layer
    attention_output: str
    feed_forward_projection: str  # the last matrix of the feed-forward sub-layer
    feed_forward_output: str
    norm_after: str | None  # norm of the sum of feed-forward output and residual; None where norms come first


SUBLAYERS = (
    # bert, roberta, electra, xlm-roberta, camembert, deberta
    Sublayers(
        "attention.output.dense", "attention.output.dropout", "output.dense", "output.dropout", "output.LayerNorm"
    ),
    # albert
    Sublayers(
        "albert_layers.0.attention.dense",
        "albert_layers.0.attention.output_dropout",
        "albert_layers.0.ffn_output",
        "albert_layers.0.ffn_output",
        "albert_layers.0.full_layer_layer_norm",
    ),
    # distilbert
    Sublayers("attention.out_lin", "attention.out_lin", "ffn.lin2", "ffn.dropout", "output_layer_norm"),
    # mpnet
    Sublayers("attention.attn.o", "attention.dropout", "output.dense", "output.dropout", "output.LayerNorm"),
    # modernbert
    Sublayers("attn.Wo", "attn.out_drop", "mlp.Wo", "mlp.Wo", None),
)


def attention_projections(anatomy: Anatomy) -> tuple[str, ...] | None:
    """Last names of the query, key and value projections (or of the one that holds all three); None if unknown."""
    modules = layer_modules(anatomy)
    return next((names for names in ATTENTION_PROJECTIONS if set(names) <= modules), None)


def layer_modules(anatomy: Anatomy) -> set[str]:
    """Last names of the modules in the layers that hold parameters."""
    return {name.rsplit(".", 2)[-2] for name, place in anatomy.places.items() if place.part == "layer"}


def sublayers_of(anatomy: Anatomy) -> Sublayers | None:
    """The names of the sub-layers in this network's layers; None if they are unknown."""
    found = {name.replace(".base_layer.", ".") for name in anatomy.places}  # peft may have wrapped some
    for names in SUBLAYERS:
        holding_weights = [names.attention_projection, names.feed_forward_projection, names.norm_after]
        wanted = {
            f"{layer}.{name}.weight" for layer in anatomy.layer_prefixes for name in holding_weights if name is not None
        }
        if wanted <= found:
            return names
    return None
