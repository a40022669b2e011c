"""A trained network as folders that any Hugging Face program loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.models.anatomy import is_pretrained
from unfreeze.models.load import forget_training_lengths, load_network, quiet_loading
from unfreeze.storage.atomic import new_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER_FILE = "adapter_config.json"
MERGED_SUFFIX = "-merged"


def save_model(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    base: str,
    auto_class: str,
    peft_type: str,
    trained: Iterable[str],
    card: str,
) -> None:
    """Write `folder` whole: weights in safetensors, labels in `config.json`, tokenizer, model card.

    A network with an adapter is written in peft's format, labels beside it, and once more with the adapter merged into
    `<folder>-merged`. `trained` names the parameters that trained: the head goes along, because the adapter is
    worthless without it. If weights of the encoder trained beside the adapter, peft's format cannot hold them: then
    `folder` is the merged model.
    """
    names = list(trained)
    has_adapter = getattr(network, "peft_config", None) is not None
    as_adapter = has_adapter and not any(_is_base_weight(name, network) for name in names)
    with quiet_loading(), new_folder(folder) as temporary:
        if as_adapter:
            _save_adapter(network, temporary, base=base, peft_type=peft_type, trained=names)
            network.config.architectures = [type(network).__name__]
            network.config.save_pretrained(temporary)
        else:
            (merge_adapter(network) if has_adapter else network).save_pretrained(temporary)
        _save_around(tokenizer, temporary, card)
    if as_adapter:
        with quiet_loading(), new_folder(merged_folder(folder)) as temporary:
            merge_adapter(network).save_pretrained(temporary)
            _save_around(tokenizer, temporary, card)


def merge_adapter(network: PreTrainedModel) -> PreTrainedModel:
    """A copy of a network with its adapter added to the weights it hangs on: the stock class, without peft."""
    from copy import deepcopy

    from peft.tuners.tuners_utils import BaseTunerLayer

    merged = deepcopy(network)
    for name, module in list(merged.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(merged.get_submodule(parent), child, module.get_base_layer())
    del merged.peft_config
    return merged


def merged_folder(folder: Path) -> Path:
    """Where the adapter in `folder` is found merged into its base model."""
    return folder.with_name(folder.name + MERGED_SUFFIX)


def load_adapted(folder: Path, auto_class: str, config: Any) -> Any:
    """The base network with the adapter of `folder` merged into it."""
    import json

    from peft import PeftModel

    adapter = json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))
    labels = {"id2label": config.id2label, "label2id": config.label2id}
    base_name = adapter["base_model_name_or_path"]
    if not Path(base_name).exists():
        # A folder of another machine (`minilm` is one): the name as typed finds it here.
        base_name = (getattr(config, "unfreeze", None) or {}).get("base_model", base_name)
    base = load_network(base_name, auto_class, 0, **labels).network
    with quiet_loading():
        network = PeftModel.from_pretrained(base, str(folder)).merge_and_unload()
    return network.eval()


def _save_around(tokenizer: PreTrainedTokenizerBase, folder: Path, card: str) -> None:
    forget_training_lengths(tokenizer)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _save_adapter(network: PreTrainedModel, folder: Path, *, base: str, peft_type: str, trained: Iterable[str]) -> None:
    from copy import copy

    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    tensors = {
        f"base_model.model.{name}": tensor.contiguous()
        for name, tensor in get_peft_model_state_dict(network, adapter_name="default").items()
    }
    parameters = dict(network.named_parameters())
    others = [name for name in trained if ".base_layer." not in name and not _is_adapter(name)]
    for name in others:
        tensors[f"base_model.model.{name}"] = parameters[name].detach().contiguous()
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = copy(network.peft_config["default"])
    # A folder as an absolute path: the adapter must find it from any working directory.
    config.base_model_name_or_path = str(Path(base).resolve()) if Path(base).is_dir() else base
    config.task_type = peft_type
    config.inference_mode = True
    # peft restores whole modules by name; without this the head would be drawn at random again.
    config.modules_to_save = sorted({_module_to_save(name, network.base_model_prefix) for name in others})
    config.save_pretrained(str(folder))


def _is_base_weight(name: str, network: PreTrainedModel) -> bool:
    """Did a weight of the encoder train that stands neither in an adapter nor on top (pooler)?"""
    if ".base_layer." in name:
        return True
    return is_pretrained(name, network.base_model_prefix) and not _is_adapter(name)


def _is_adapter(name: str) -> bool:
    return ".default." in f"{name}." or name.endswith(".default")


def _module_to_save(name: str, prefix: str) -> str:
    """The shortest module that holds the parameter outside of the layers: `classifier`, `bert.pooler`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == prefix else parts[0]
