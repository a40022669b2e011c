"""The network of a saved model, whichever way it was saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unfreeze.models.explained import ModelError
from unfreeze.models.extensions import load_extended, recorded
from unfreeze.models.load import load_network
from unfreeze.models.safe_files import ONNX_WEIGHTS
from unfreeze.models.save import ADAPTER_FILE, load_adapted
from unfreeze.tasks import Task


def is_onnx(source: str) -> bool:
    """Is it a folder with a network as ONNX, and with no weights that torch reads?"""
    folder = Path(source)
    return (folder / ONNX_WEIGHTS[0]).is_file() and not any(folder.glob("*.safetensors"))


def saved_network(source: str, task: Task, config: Any) -> Any:
    """The stock network, one with the adapter of its folder merged, or one that answers like it.

    Args:
        source: a model folder, or a hub id.

    Raises:
        ModelError: it cannot be loaded, or has no head for this task.
    """
    folder = Path(source)
    if is_onnx(source):
        from unfreeze.inference.onnx_network import load_onnx

        _refuse_other_architecture(source, task, config)
        return load_onnx(folder, config)
    adapted = (folder / ADAPTER_FILE).is_file()
    labels_known = not adapted or (folder / "config.json").is_file()
    if labels_known and (adapted or recorded(config)) and task.auto_class not in task.head_classes(config):
        raise ModelError(f"{source}: has no head for {task.name} (its labels are others).")
    if adapted:
        return load_adapted(folder, task.auto_class, config)
    if recorded(config):
        return load_extended(folder, task.auto_class, config)
    return _stock(source, task, config)


def _stock(source: str, task: Task, config: Any) -> Any:
    """The network of a checkpoint that has a head for this task.

    Raises:
        ModelError: the head would be a random one.
    """
    heads = ["its labels are others"]
    for name in task.head_classes(config):
        loaded = load_network(source, name, 0)
        encoder = loaded.network.base_model_prefix + "."
        heads = sorted(f"{one} would be random" for one in loaded.new_parameters if not one.startswith(encoder))
        if not heads:
            return loaded.network
    raise ModelError(
        f"{source}: has no head for {task.name} ({', '.join(heads[:3])}). Train one with `unfreeze "
        "train` or `unfreeze pretrain`, or choose a model that has it."
    )


def _refuse_other_architecture(source: str, task: Task, config: Any) -> None:
    """A graph has one head; the class of the network it was made from tells which."""
    written = " ".join(config.architectures or [])
    heads = {name.removeprefix("AutoModel") for name in task.head_classes(config)}
    if not any(head in written for head in heads):
        raise ModelError(f"{source}: has no head for {task.name} (it was exported from {written or 'another'}).")
