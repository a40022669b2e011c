"""Networks and tokenizers from a hub id, a local folder or `minilm`, in fp32, without running foreign code.

Whatever is read of a model is read through `safe_folder`; models/safe_files.py says what that lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.models.anatomy import is_pretrained
from unfreeze.models.bundled import minilm_folder
from unfreeze.models.explained import ModelError, explained
from unfreeze.models.redraw import redraw
from unfreeze.models.safe_files import (
    MODEL_WEIGHTS,
    check,
    download_patterns,
    read_config,
    safe_view,
)
from unfreeze.storage.folders import BEST_FILE, best_run

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Key of config.json: what a network has that no stock class has (models/extensions.py).
EXTENSIONS_KEY = "unfreeze_extensions"
_HUB_ID = re.compile(r"([A-Za-z0-9_][\w.-]{0,95}/)?[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its task head and the parameters that no checkpoint filled."""

    network: PreTrainedModel
    new_parameters: frozenset[str]  # newly initialised: must train and be saved (the missing-weights guard)


def model_path(model: str) -> str:
    """What `from_pretrained` gets for `--model`: the bundled folder, a local folder or a hub id unchanged."""
    if model == "minilm":
        return str(minilm_folder())
    try:
        path = Path(model).expanduser()
        is_folder, is_there = path.is_dir(), path.exists()
    except (OSError, RuntimeError):  # what no file can be called: too long, or ~ and no user
        raise _no_folder(model) from None
    if is_folder:
        return str(_to_train(model_folder(path)))
    if is_there or not _HUB_ID.fullmatch(model) or ".." in model:
        raise _no_folder(model)
    return model


def _no_folder(model: str) -> ModelError:
    return ModelError(f"--model {model}: no such folder. Expected `minilm`, a local model folder or a hub id.")


def model_folder(folder: Path) -> Path:
    """Where the model of a folder lies: in it, or in `model/` of a run, or of a comparison's best run."""
    if (folder / BEST_FILE).is_file():
        folder = best_run(folder)
    inner = folder / "model"
    if (folder / "config.json").is_file() or not (inner / "config.json").is_file():
        return folder
    if not inner.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"{inner}: is a link out of the folder (to {inner.resolve()}). Give that folder itself.")
    return inner


def _to_train(folder: Path) -> Path:
    """The model itself, and of an adapter the merged one: a stock network loads nothing else."""
    merged = folder.with_name(f"{folder.name}-merged")
    return merged if (folder / "adapter_config.json").is_file() and merged.is_dir() else folder


def checked_folder(model: str | Path, weights: Sequence[str] = ()) -> Path:
    """The folder of `--model`, fetched if it lies on a hub, or a folder itself, all of whose files may be read.

    Raises:
        UnsafeFilesError: they may not; OSError and others: it cannot be fetched.
    """
    if isinstance(model, str):
        path = model_path(model)
        folder = Path(path) if Path(path).is_dir() else _download(path, tuple(weights))
    else:
        folder = model
    check(folder, weights)
    return folder


@cache  # one commit for all that is read in one process
def _download(name: str, weights: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, allow_patterns=download_patterns(weights)))


@contextmanager
def safe_folder(
    model: str | Path, weights: Sequence[str] = (), part: str = "config.json and weights"
) -> Iterator[Path]:
    """What may be read of `--model` or of a folder, while it is read; every failure inside is one line for the user.

    Args:
        part: what is read, for that line.

    Raises:
        ModelError: a file may not be read, weights under one of these names are missing, or the reader failed.
    """
    with explained(model, part):
        folder = checked_folder(model, weights)
        with safe_view(folder) as view:
            try:
                yield view
            except Exception as error:
                if str(view) not in str(error):
                    raise
                # The temporary folder means nothing to the user.
                raise ValueError(str(error).replace(str(view), str(folder))) from error


def load_config(model: str, **overrides: Any) -> Any:
    """The configuration of `--model`, refused unless it describes an encoder transformers knows itself.

    Raises:
        ModelError: it cannot be had, or a file of the model may not be read.
    """
    from transformers import CONFIG_MAPPING

    with explained(model, "config.json"):
        folder, name = checked_folder(model), model_path(model)
        values = read_config(folder)
        config = CONFIG_MAPPING[values["model_type"]].from_dict(values, name_or_path=name, **overrides)
        if not Path(name).is_dir():
            config._commit_hash = folder.name  # a snapshot of the hub's cache is called by its commit
        return config


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of `--model`, without the truncation and padding a training may have left in it.

    Raises:
        ModelError: it cannot be had, or a file of the model may not be read.
    """
    from transformers import AutoTokenizer

    # A byte-level BPE (RoBERTa) takes words only with a leading space; harmless where there is no such option.
    options: dict[str, Any] = {}
    config = load_config(model)
    if config.model_type in ("roberta", "camembert", "modernbert", "longformer", "deberta"):
        options["add_prefix_space"] = True
    with safe_folder(model, part="tokenizer.json") as view:
        tokenizer = AutoTokenizer.from_pretrained(str(view), config=config, trust_remote_code=False, **options)
        tokenizer.name_or_path = model_path(model)
        if not isinstance(tokenizer.model_max_length, int | float):
            raise ValueError(f"model_max_length of the tokenizer is {tokenizer.model_max_length!r}; expected a number")
    if options:
        _space_before_words(tokenizer)
    forget_training_lengths(tokenizer)
    return tokenizer


def _space_before_words(tokenizer: Any) -> None:
    """Tell the backend as well: one read from `tokenizer.json` (ModernBERT) does not look at `add_prefix_space`."""
    from tokenizers.pre_tokenizers import ByteLevel

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and isinstance(backend.pre_tokenizer, ByteLevel):
        backend.pre_tokenizer.add_prefix_space = True


def forget_training_lengths(tokenizer: Any) -> None:
    """Reset truncation and padding, which `tokenizer.json` would otherwise keep from the last call."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()


def load_network(model: str, auto_class: str, seed: int, **config_overrides: Any) -> LoadedNetwork:
    """Load a stock network (`auto_class` is e.g. "AutoModelForTokenClassification") in fp32, in eval mode.

    New weights are drawn with `seed`, so two strategies with the same seed start from the same head.
    """
    import torch
    import transformers

    config = load_config(model, **config_overrides)
    if getattr(config, EXTENSIONS_KEY, None):
        names = ", ".join(str(extension["name"]) for extension in getattr(config, EXTENSIONS_KEY))
        raise ModelError(
            f"--model {model}: no stock network ({names}), so it cannot be trained further. Predict and evaluate with "
            "it (unfreeze.load), and train its base model."
        )
    torch.manual_seed(seed)
    with safe_folder(model, MODEL_WEIGHTS) as view:
        network, report = getattr(transformers, auto_class).from_pretrained(
            str(view),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # a head for another number of labels starts anew; all else is refused below
        )
        network.name_or_path = network.config.name_or_path = model_path(model)
        resized = {key if isinstance(key, str) else key[0] for key in report.get("mismatched_keys", ())}
        misfits = sorted(key for key in resized if key.startswith(network.base_model_prefix + "."))
        if misfits:
            raise ValueError(f"the sizes in config.json are not those of the weights ({', '.join(misfits[:3])})")
        known = {name for name, _ in network.named_parameters()}
        missing = set(report["missing_keys"]) & known
        lost = sorted(name for name in missing if is_pretrained(name, network.base_model_prefix))
        if lost:
            raise ValueError(f"the checkpoint lacks weights of the encoder ({', '.join(lost[:3])}, {len(lost)} in all)")
        redrawn = _redraw_foreign_head(network, load_config(model), missing | resized)
    network.eval()
    return LoadedNetwork(network, frozenset((resized & known) | missing | redrawn))


def _redraw_foreign_head(network: PreTrainedModel, checkpoint: Any, new: set[str]) -> set[str]:
    """Draw the output layer anew if it was trained for other labels, though it happens to have the same size.

    Returns the names of the parameters drawn. The other layers of a head (ModernBERT's, pretrained) stay.
    """
    import torch

    trained_for = (checkpoint.id2label, type(network).__name__ in (checkpoint.architectures or ()))
    if trained_for == (network.config.id2label, True):
        return set()
    redrawn: set[str] = set()
    for name, module in network.named_modules():
        inside = name.startswith(network.base_model_prefix + ".")
        if isinstance(module, torch.nn.Linear) and not inside and module.out_features == network.config.num_labels:
            names = {f"{name}.{own}" for own, _ in module.named_parameters(recurse=False)}
            if not names & new:
                redraw(network, module)
                redrawn |= names
    return redrawn
