"""A network of fewer layers, made of another one: its embeddings, some of its layers, and its head."""

from __future__ import annotations

from typing import Any

from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.explained import ModelError
from unfreeze.models.load import LoadedNetwork, load_config, load_network


def spread(layers: int, of: int) -> tuple[int, ...]:
    """Which layers (from 0) are kept: as far apart as can be, with the first and the last.

    >>> spread(3, 6), spread(6, 12), spread(1, 6)
    ((0, 2, 5), (0, 2, 4, 7, 9, 11), (0,))
    """
    return tuple(round(i * (of - 1) / (layers - 1)) for i in range(layers)) if layers > 1 else (0,)


def number_of_layers(model: str, layers: int) -> int:
    """How many are kept.

    Args:
        layers: 0 for half of them.

    Raises:
        ModelError: the model has not so many, or its layers are one that is applied again and again.
    """
    config = load_config(model)
    there = int(config.num_hidden_layers)
    if getattr(config, "num_hidden_groups", there) < there:
        raise ModelError(f"{model}: its {there} layers share their weights: fewer are no smaller model.")
    if layers > there:
        raise ModelError(f"{model}: has {there} layers; layers={layers} are too many. Take 1 to {there}.")
    return layers or max(1, there // 2)


def fewer_layers(model: str, layers: int) -> dict[str, Any]:
    """What the configuration says of the smaller network, other than that of the model."""
    config = load_config(model)
    kept = spread(layers, int(config.num_hidden_layers))
    by_layer = {
        name: [values[i] for i in kept]
        for name, values in config.to_dict().items()
        if isinstance(values, list) and len(values) == config.num_hidden_layers and name.startswith("layer_")
    }
    return {"num_hidden_layers": layers, **by_layer}


def load_fewer_layers(model: str, auto_class: str, layers: int, seed: int, **config_overrides: Any) -> LoadedNetwork:
    """The network of `layers` layers, in fp32 and in eval mode; what the checkpoint lacks is drawn with `seed`.

    Raises:
        ModelError: as `load_network`, and where there are not so many layers.
    """
    import torch
    import transformers

    layers = number_of_layers(model, layers)
    whole = load_network(model, auto_class, seed, **config_overrides)
    config = load_config(model, **config_overrides | fewer_layers(model, layers))
    network = getattr(transformers, auto_class).from_config(config, dtype=torch.float32)
    above, below = (take_anatomy(one).layer_prefixes for one in (whole.network, network))
    names = {above[i] + ".": f"{below[place]}." for place, i in enumerate(spread(layers, len(above)))}

    def renamed(name: str) -> str | None:
        """None: of a layer that is left out."""
        layer = next((f"{one}." for one in above if name.startswith(f"{one}.")), None)
        if layer is None:
            return name
        return None if layer not in names else names[layer] + name.removeprefix(layer)

    state = {new: values for name, values in whole.network.state_dict().items() if (new := renamed(name)) is not None}
    network.load_state_dict(state)
    network.tie_weights()
    network.name_or_path = network.config.name_or_path = whole.network.name_or_path
    return LoadedNetwork(network.eval(), frozenset(new for name in whole.new_parameters if (new := renamed(name))))
