"""The selected weights of a run, kept on disk while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.storage.atomic import write_bytes, write_json
from unfreeze.training.parameters import Trainables, trained_state

if TYPE_CHECKING:
    from torch import nn

WEIGHTS_FILE = "best.safetensors"
STATE_FILE = "best.json"


def save_best(folder: Path, network: nn.Module, trainables: Trainables, state: dict[str, Any]) -> None:
    """Keep the parameters that train, and what the run knew at that moment (epoch, step, scores)."""
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in trained_state(network, trainables).items()}
    write_bytes(folder / WEIGHTS_FILE, save(tensors))
    write_json(folder / STATE_FILE, state)


def load_best(folder: Path, network: nn.Module) -> None:
    """Put the selected weights back into the network."""
    import torch
    from safetensors.torch import load

    tensors = load((folder / WEIGHTS_FILE).read_bytes())
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            parameters[name].copy_(tensor)


def drop_weights(folder: Path) -> None:
    """Remove the weights once `model/` holds them, verified; the state file stays as a trace of the selection."""
    (folder / WEIGHTS_FILE).unlink(missing_ok=True)
