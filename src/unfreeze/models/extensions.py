"""What a network has that no stock class has: recorded in its configuration, so that it can be built again.

A network with extensions is saved under another file name than the stock one, so that stock programs refuse the folder
instead of leaving the extensions out and answering differently (docs/decisions/0008-networks-that-are-not-stock.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from unfreeze.models.explained import ModelError
from unfreeze.models.load import EXTENSIONS_KEY, safe_folder
from unfreeze.models.safe_files import OWN_WEIGHTS

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Not `model.*.safetensors` either, which `from_pretrained(variant=...)` would find.
[WEIGHTS_FILE] = OWN_WEIGHTS
NOT_STOCK = "the saved model loads through unfreeze.load only: no stock class of transformers computes what it does"


@dataclass(frozen=True)
class Bottlenecks:
    """Bottleneck adapters in every layer; see `models.bottleneck`."""

    name: ClassVar[str] = "bottlenecks"
    placement: Literal["pfeiffer", "houlsby"]
    size: int  # numbers in the bottleneck
    non_linearity: str

    def apply(self, network: PreTrainedModel) -> None:
        from unfreeze.models.bottleneck import add_bottlenecks

        add_bottlenecks(network, self.placement, self.size, self.non_linearity)


@dataclass(frozen=True)
class MeanPooling:
    """The head reads the mean over the tokens; see `models.mean_pooling`."""

    name: ClassVar[str] = "mean_pooling"

    def apply(self, network: PreTrainedModel) -> None:
        from unfreeze.models.mean_pooling import pool_mean

        pool_mean(network)


Extension = Bottlenecks | MeanPooling
EXTENSIONS: dict[str, type[Extension]] = {"bottlenecks": Bottlenecks, "mean_pooling": MeanPooling}


def extend(network: PreTrainedModel, extension: Extension) -> None:
    """Change the network in place and record how.

    Raises:
        ModelError: this network has no place for the extension.
    """
    extension.apply(network)
    record = {"name": extension.name, **asdict(extension)}
    network.config.unfreeze_extensions = [*recorded(network.config), record]


def use_mean_pooling(network: PreTrainedModel) -> None:
    """Let the head read the mean over the tokens; where a family can do that itself, the network stays a stock one."""
    if hasattr(network.config, "classifier_pooling"):  # ModernBERT
        network.config.classifier_pooling = "mean"
    else:
        extend(network, MeanPooling())


def recorded(config: Any) -> list[dict[str, Any]]:
    """The extensions of a network as plain values, in the order in which they were applied; empty for a stock one."""
    return list(getattr(config, EXTENSIONS_KEY, None) or [])


def loading_notes(config: Any) -> list[str]:
    """What a user must know to load a saved network with this configuration: nothing for a stock one."""
    return [NOT_STOCK] if recorded(config) else []


def save_extended(network: PreTrainedModel, folder: Path) -> None:
    """Write configuration and weights of a network with extensions."""
    from safetensors.torch import save_model

    network.config.architectures = [type(network).__name__]
    network.config.save_pretrained(folder)
    save_model(network, str(folder / WEIGHTS_FILE), metadata={"format": "pt"})


def load_extended(folder: Path, auto_class: str, config: Any) -> PreTrainedModel:
    """Build the stock network, apply what is recorded, and load all weights.

    Raises:
        ModelError: the record or the weights are not what this version of unfreeze writes.
    """
    import torch
    import transformers
    from safetensors.torch import load_model

    extensions = [_read(folder, record) for record in recorded(config)]
    with safe_folder(folder, OWN_WEIGHTS) as view:
        network: PreTrainedModel = getattr(transformers, auto_class).from_config(config, dtype=torch.float32)
        # `extend` records again what it applies.
        network.config.unfreeze_extensions = []
        for extension in extensions:
            extend(network, extension)
        load_model(network, view / WEIGHTS_FILE)
    return network.eval()


def _read(folder: Path, record: dict[str, Any]) -> Extension:
    try:
        values = dict(record)
        return EXTENSIONS[values.pop("name")](**values)
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: its config.json names an extension unknown to this version of unfreeze ({record}). "
            "Use the version that wrote it."
        ) from error
