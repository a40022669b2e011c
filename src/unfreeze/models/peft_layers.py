"""Layers of peft inside a stock network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unfreeze.models.anatomy import Anatomy
from unfreeze.models.sublayers import BOTTLENECK, attention_projections, layer_modules, sublayers_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def inject(network: PreTrainedModel, config: Any) -> None:
    """Put the layers that a peft configuration describes into the network, in place.

    The network keeps its stock class, and its head is not duplicated, as with peft's `inject_adapter_in_model`; this
    one also serves the methods whose layers share weights, which live in peft's tuner.

    Raises:
        ValueError, TypeError, NotImplementedError: peft cannot do that with these modules, or they have adapters.
    """
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
    from peft.tuners.tuners_utils import BaseTunerLayer

    if getattr(network, "peft_config", None):
        raise ValueError("one method of peft at a time: an adapter file holds one")
    tuner = PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type](network, config, adapter_name="default")
    network.peft_config = {"default": config}
    # Not as a module of the network, which is a module of the tuner.
    network.__dict__["peft_tuner"] = tuner
    for name, module in network.named_modules():
        if isinstance(module, BaseTunerLayer) and hasattr(module.get_base_layer(), BOTTLENECK):
            raise ValueError(f"{name} already has a bottleneck adapter; leave it out of target_modules")


def target_names(anatomy: Anatomy, wanted: tuple[str, ...] | None) -> list[str]:
    """The last names of the modules that get an adapter: those `wanted`, else the attention projections.

    Raises:
        ValueError: a name is not in the layers, or nothing is wanted and the projections of this family are unknown.
    """
    modules = layer_modules(anatomy)
    if wanted is not None:
        unknown = [name for name in wanted if name not in modules]
        if unknown:
            raise ValueError(
                f"target_modules: {', '.join(unknown)} not in the layers of {anatomy.model_type}. "
                f"Modules there: {', '.join(sorted(modules))}."
            )
        return list(wanted)
    names = attention_projections(anatomy)
    if names is None:
        raise ValueError(
            f"no default target modules for {anatomy.model_type}. Give target_modules=NAME+NAME from: "
            f"{', '.join(sorted(modules))}."
        )
    return list(names)


def modules_named(names: list[str], anatomy: Anatomy, layers: list[int]) -> list[str]:
    """Whole names of the modules with these last names in these layers, counted from 0."""
    return [name for layer in layers for name in _modules_in(anatomy, layer) if name.rpartition(".")[2] in names]


def feed_forward_projections(anatomy: Anatomy, layers: list[int]) -> list[str]:
    """Whole names of the second matrix of the feed-forward sub-layers.

    Raises:
        ValueError: the sub-layers of this family are unknown.
    """
    names = sublayers_of(anatomy)
    if names is None:
        raise ValueError(
            f"the feed-forward sub-layers of {anatomy.model_type} are not known. Give target_modules and "
            f"feedforward_modules, from: {', '.join(sorted(layer_modules(anatomy)))}."
        )
    return [f"{anatomy.layer_prefixes[layer]}.{names.feed_forward_projection}" for layer in layers]


def _modules_in(anatomy: Anatomy, layer: int) -> list[str]:
    inside = [name for name, place in anatomy.places.items() if place.part == "layer" and place.depth == layer + 1]
    return list(dict.fromkeys(name.rpartition(".")[0] for name in inside))


def namesakes(targets: list[str], anatomy: Anatomy) -> list[str]:
    """Modules outside of the layers that have a target's name (a pooler's or head's `dense`): no adapters there."""
    outside = {name.rpartition(".")[0] for name, place in anatomy.places.items() if place.part != "layer"}
    return sorted(module for module in outside if module.rpartition(".")[2] in targets)
