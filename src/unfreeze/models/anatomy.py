"""Where each parameter of a network sits. The only file that knows the parameter names of model families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

Part = Literal["embeddings", "layer", "top", "head", "adapter"]


class AnatomyError(ValueError):
    """The layers of this network cannot be found, or a strategy asks for something it does not have."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one parameter sits, counted from the input upwards.

    `depth` is 0 for the embeddings, 1 to `num_layers` for the layers and `num_layers + 1` for what comes after
    them (a pooler or a final norm: part "top"; the task's head: part "head").
    """

    name: str
    part: Part
    depth: int
    num_layers: int
    is_norm: bool = False  # does it belong to a norm?

    @property
    def is_bias(self) -> bool:
        """Is it added to something, and not multiplied with it? The bias of a norm is one too."""
        return self.name.rsplit(".", 1)[-1].endswith("bias")  # DeBERTa has `q_bias`

    @property
    def from_top(self) -> int:
        """0 for the head and the top, 1 for the last layer, and so on downwards."""
        return self.num_layers + 1 - self.depth


# Modules of the encoder that come after its layers. Everything else outside the layers counts as embeddings
# (ELECTRA's `embeddings_project`, ALBERT's `embedding_hidden_mapping_in`, DeBERTa's `rel_embeddings`).
TOP_MODULES = ("pooler", "final_norm", "norm", "sequence_summary", "encoder.ln", "encoder.emb_layer_norm_after")


@dataclass(frozen=True)
class Anatomy:
    """The places of all parameters of one network, taken before a strategy adapts it."""

    model_type: str
    num_layers: int  # layers that hold weights of their own: 1 for ALBERT
    layers_applied: int  # layers the input passes: 12 for albert-base
    prefix: str  # name of the encoder inside the network, e.g. "bert"
    layer_prefixes: tuple[str, ...]  # parameter-name prefix of each layer, lowest first
    places: dict[str, Place]
    reads_one_vector: bool = False  # does the head read one vector for the whole text, or every token?

    @property
    def shared(self) -> bool:
        """Do several applied layers share one set of weights (ALBERT)?"""
        return self.num_layers < self.layers_applied

    @property
    def pooler(self) -> str | None:
        """Name of the pooler between encoder and head; None where there is none."""
        name = f"{self.prefix}.pooler"
        return name if any(parameter.startswith(name + ".") for parameter in self.places) else None

    def locate(self, name: str) -> Place:
        """The place of a parameter; one that came after the anatomy was taken is an adapter."""
        known = self.places.get(name)
        if known is not None:
            return known
        # peft moves a wrapped weight to `<module>.base_layer.weight`; it is still the pretrained one.
        original = self.places.get(name.replace(".base_layer.", "."))
        if original is not None:
            return original
        return Place(name, "adapter", self.depth_of(name), self.num_layers)

    def depth_of(self, name: str) -> int:
        """The depth of a module or parameter by its name: 0 below the layers, `num_layers + 1` above them."""
        for depth, prefix in enumerate(self.layer_prefixes, start=1):
            if name == prefix or name.startswith(prefix + "."):
                return depth
        if not name.startswith(self.prefix + "."):
            return self.num_layers + 1
        return self.num_layers + 1 if _is_top(name.removeprefix(self.prefix + ".")) else 0


def take_anatomy(network: nn.Module) -> Anatomy:
    """Find the layers of a Hugging Face network and place every parameter.

    The layer list is the module list as long as `num_hidden_layers` under the base model, so a new family needs no
    entry here; ALBERT, whose list is shorter because its layers share weights, is recognised by that.

    Raises:
        AnatomyError: no module list of the expected length exists.
    """
    config: Any = network.config
    prefix = str(getattr(network, "base_model_prefix", ""))
    encoder = getattr(network, prefix, None)
    if encoder is None:
        raise AnatomyError(f"the network {type(network).__name__} has no encoder under {prefix!r}")
    applied = int(config.num_hidden_layers)
    list_name, length = _find_layer_list(encoder, applied, getattr(config, "num_hidden_groups", None))
    layer_prefixes = tuple(f"{prefix}.{list_name}.{i}" for i in range(length))
    one_vector = type(network).__name__.endswith(("ForSequenceClassification", "ForMultipleChoice"))
    anatomy = Anatomy(config.model_type, length, applied, prefix, layer_prefixes, {}, one_vector)
    norms = _norm_parameters(network)
    for name, _ in network.named_parameters():
        depth = anatomy.depth_of(name)
        anatomy.places[name] = Place(name, _part(name, prefix, depth, length), depth, length, name in norms)
    return anatomy


def _norm_parameters(network: nn.Module) -> set[str]:
    """Names of the parameters of norms, told by their class: families call the same norm by many names."""
    from torch.nn import LayerNorm, RMSNorm

    return {
        f"{name}.{own}"
        for name, module in network.named_modules()
        if isinstance(module, LayerNorm | RMSNorm) or type(module).__name__.endswith("Norm")
        for own, _ in module.named_parameters(recurse=False)
    }


def _part(name: str, prefix: str, depth: int, num_layers: int) -> Part:
    if depth == 0:
        return "embeddings"
    if depth <= num_layers:
        return "layer"
    return "top" if name.startswith(prefix + ".") else "head"


def is_pretrained(name: str, prefix: str) -> bool:
    """Does a parameter belong to the embeddings or layers of the encoder? What lies on top of them may be new."""
    return name.startswith(prefix + ".") and not _is_top(name.removeprefix(prefix + "."))


def _is_top(name_in_encoder: str) -> bool:
    return any(name_in_encoder == top or name_in_encoder.startswith(top + ".") for top in TOP_MODULES)


def _find_layer_list(encoder: nn.Module, applied: int, groups: int | None) -> tuple[str, int]:
    from torch.nn import ModuleList

    lists = {name: len(module) for name, module in encoder.named_modules() if isinstance(module, ModuleList)}
    for wanted in (applied, groups):
        for name, length in lists.items():
            # The outermost list wins: ModuleLists inside a layer come later in named_modules().
            if wanted is not None and length == wanted:
                return name, length
    found = ", ".join(f"{name} ({length})" for name, length in lists.items()) or "none"
    raise AnatomyError(
        f"no list of {applied} layers in {type(encoder).__name__}; module lists found: {found}. "
        "unfreeze supports encoders whose layers are one torch.nn.ModuleList."
    )
