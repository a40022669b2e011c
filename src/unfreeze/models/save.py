"""A trained network as folders that any Hugging Face program loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.models.anatomy import is_pretrained
from unfreeze.models.extensions import recorded, save_extended
from unfreeze.models.load import forget_training_lengths, load_network, safe_folder
from unfreeze.models.quiet import quiet_loading
from unfreeze.models.safe_files import ADAPTER_WEIGHTS
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
    peft_type: str | None,
    trained: Iterable[str],
    card: str,
    whole_encoder: bool = False,
) -> None:
    """Write `folder` whole: weights in safetensors, labels in `config.json`, tokenizer, model card.

    A network with an adapter is written in peft's format, labels beside it, and once more with the adapter merged into
    `<folder>-merged`. `trained` names the parameters that trained: the head goes along, because the adapter is
    worthless without it. If weights of the encoder trained beside the adapter, or the network is no stock one, peft's
    format cannot hold that: then `folder` is the merged model. A network that is not stock is written in our own way.
    With `whole_encoder` weights of the base's encoder that this network was built without (the pooler of a masked
    language model) go along, so that the next task finds them.
    """
    names = list(trained)
    has_adapter = getattr(network, "peft_config", None) is not None
    extended = bool(recorded(network.config))
    as_adapter = stands_as_adapter(network, names)
    with quiet_loading(), new_folder(folder) as temporary:
        if as_adapter:
            _save_adapter(network, temporary, base=base, peft_type=peft_type, trained=names)
            network.config.architectures = [type(network).__name__]
            network.config.save_pretrained(temporary)
        else:
            merged = merge_adapter(network) if has_adapter else network
            if extended:
                save_extended(merged, temporary)
            else:
                merged.save_pretrained(temporary)
                if whole_encoder:
                    _add_rest_of_encoder(network, base, temporary)
        save_beside(tokenizer, temporary, card)
    if as_adapter:
        with quiet_loading(), new_folder(merged_folder(folder)) as temporary:
            merge_adapter(network).save_pretrained(temporary)
            if whole_encoder:
                _add_rest_of_encoder(network, base, temporary)
            save_beside(tokenizer, temporary, card)


def stands_as_adapter(network: PreTrainedModel, trained: Iterable[str]) -> bool:
    """Does peft's format hold all that trained? Only adapters and what lies on top of the encoder fit into it."""
    has_adapter = getattr(network, "peft_config", None) is not None
    return has_adapter and not recorded(network.config) and not any(_is_base_weight(name, network) for name in trained)


def merge_adapter(network: PreTrainedModel) -> PreTrainedModel:
    """A copy of a network with its adapter added to the weights it hangs on: the stock class, without peft."""
    from copy import deepcopy

    merged = deepcopy(network)
    _merge_in_place(merged)
    return merged


def _merge_in_place(network: PreTrainedModel) -> None:
    """As peft's `merge_and_unload`, which fails for most methods where the head is more than one matrix."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    for name, module in list(network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            plain = module.get_base_layer()
        elif isinstance(module, AuxiliaryTrainingWrapper):  # a head that peft loaded
            plain = module.unload_and_optionally_merge_module(merge=True, safe_merge=False, adapter_names=None)
        else:
            continue
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, plain)
    for attribute in ("peft_config", "peft_tuner"):
        network.__dict__.pop(attribute, None)


def merged_folder(folder: Path) -> Path:
    """Where the adapter in `folder` is found merged into its base model."""
    return folder.with_name(folder.name + MERGED_SUFFIX)


def load_adapted(folder: Path, auto_class: str, config: Any) -> Any:
    """The base network with the adapter of `folder` merged into it.

    Raises:
        ModelError: the adapter or its base cannot be loaded, or a file of them may not be read.
    """
    import json

    from peft import PeftModel

    overrides = {"id2label": config.id2label, "label2id": config.label2id}
    if hasattr(config, "classifier_pooling"):  # ModernBERT: what the head reads
        overrides["classifier_pooling"] = config.classifier_pooling
    with safe_folder(folder, ADAPTER_WEIGHTS) as view:
        base_name = json.loads((view / ADAPTER_FILE).read_text(encoding="utf-8"))["base_model_name_or_path"]
        if not _is_folder(base_name):
            # A folder of another machine (`minilm` is one): the name as typed finds it here.
            base_name = (getattr(config, "unfreeze", None) or {}).get("base_model", base_name)
        base = load_network(str(base_name), auto_class, 0, **overrides).network
        PeftModel.from_pretrained(base, str(view), use_safetensors=True)  # puts its layers into `base`
        _merge_in_place(base)
    return base.eval()


def _is_folder(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # what no file can be called
        return False


def _add_rest_of_encoder(network: PreTrainedModel, base: str, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file, prefix = folder / "model.safetensors", network.base_model_prefix
    if not file.is_file():  # several files: a network of that size is left as it is
        return
    loaded = load_network(base, "AutoModel", 0)
    own = {name.replace(".base_layer.", ".") for name in getattr(network, prefix).state_dict()}
    whole = loaded.network.state_dict()
    rest = {name: whole[name] for name in whole.keys() - own if name not in loaded.new_parameters}
    if rest:
        tensors = load_file(file) | {f"{prefix}.{name}": tensor.contiguous() for name, tensor in rest.items()}
        save_file(tensors, file, metadata={"format": "pt"})


def save_stock(network: PreTrainedModel, folder: Path) -> None:
    """Write configuration and weights of a network without adapters into a folder that is being filled."""
    with quiet_loading():
        network.save_pretrained(folder)


def save_beside(tokenizer: PreTrainedTokenizerBase, folder: Path, card: str) -> None:
    """Write what else a model's folder holds."""
    forget_training_lengths(tokenizer)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _save_adapter(
    network: PreTrainedModel, folder: Path, *, base: str, peft_type: str | None, trained: Iterable[str]
) -> None:
    from copy import copy

    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file
    from torch import nn

    # Seen from outside as peft's wrapper is: names get its prefix, and what layers share in the tuner is found.
    wrapper = nn.Module()
    wrapper.base_model = network.peft_tuner
    wrapper.peft_config = network.peft_config
    adapter = get_peft_model_state_dict(wrapper, adapter_name="default")
    # Copies: what layers share would be refused by the format.
    tensors = {name: tensor.contiguous().clone() for name, tensor in adapter.items()}
    # peft restores whole modules by name; else the head would be drawn at random again. Whole: also what stands still
    # in them, such as the matrix that a language model's head shares with the embeddings.
    prefix = network.base_model_prefix
    others = [name for name in trained if not _is_tuned(name)]
    modules = sorted({_module_to_save(name, prefix) for name in others})
    for name, tensor in network.state_dict().items():
        if not _is_tuned(name) and _module_to_save(name, prefix) in modules:
            tensors[f"base_model.model.{name}"] = tensor.contiguous().clone()
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = copy(network.peft_config["default"])
    # A folder as an absolute path: the adapter must find it from any working directory.
    config.base_model_name_or_path = str(Path(base).resolve()) if Path(base).is_dir() else base
    config.task_type = peft_type
    config.inference_mode = True
    config.modules_to_save = modules
    config.save_pretrained(str(folder))


def _is_base_weight(name: str, network: PreTrainedModel) -> bool:
    """Did a weight of the encoder train that stands neither in an adapter nor on top (pooler)?"""
    if ".base_layer." in name:
        return True
    return is_pretrained(name, network.base_model_prefix) and not _is_adapter(name)


def _is_tuned(name: str) -> bool:
    """Is it part of an adapter, or what an adapter hangs on?"""
    return ".base_layer." in name or _is_adapter(name)


def _is_adapter(name: str) -> bool:
    return ".default." in f"{name}." or name.endswith(".default")


def _module_to_save(name: str, prefix: str) -> str:
    """The shortest module that holds the parameter outside of the layers: `classifier`, `bert.pooler`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == prefix else parts[0]
