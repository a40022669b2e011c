"""Networks and tokenizers from a hub id, a local folder or `minilm`, in fp32, without running foreign code."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.models.anatomy import is_pretrained
from unfreeze.models.bundled import minilm_folder
from unfreeze.models.redraw import redraw
from unfreeze.storage.folders import BEST_FILE, best_run

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Key of config.json: what a network has that no stock class has (models/extensions.py).
EXTENSIONS_KEY = "unfreeze_extensions"


class ModelError(ValueError):
    """The model cannot be loaded or used; the message names it and the next step."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its task head and the parameters that no checkpoint filled."""

    network: PreTrainedModel
    new_parameters: frozenset[str]  # newly initialised: must train and be saved (the missing-weights guard)


def model_path(model: str) -> str:
    """What `from_pretrained` gets for `--model`: the bundled folder, a local folder or a hub id unchanged."""
    if model == "minilm":
        return str(minilm_folder())
    path = Path(model).expanduser()
    if path.is_dir():
        return str(_to_train(model_folder(path)))
    if path.exists() or model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise ModelError(f"--model {model}: no such folder. Expected `minilm`, a local model folder or a hub id.")
    return model


def model_folder(folder: Path) -> Path:
    """Where the model of a folder lies: in it, or in `model/` of a run, or of a comparison's best run."""
    if (folder / BEST_FILE).is_file():
        folder = best_run(folder)
    inner = folder / "model"
    return inner if not (folder / "config.json").is_file() and (inner / "config.json").is_file() else folder


def _to_train(folder: Path) -> Path:
    """The model itself, and of an adapter the merged one: a stock network loads nothing else."""
    merged = folder.with_name(f"{folder.name}-merged")
    return merged if (folder / "adapter_config.json").is_file() and merged.is_dir() else folder


def load_config(model: str, **overrides: Any) -> Any:
    """The configuration of `--model`, refused unless it describes an encoder transformers knows itself."""
    from transformers import AutoConfig

    path = model_path(model)
    with _explained(model):
        return AutoConfig.from_pretrained(path, trust_remote_code=False, **overrides)


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of `--model`, without the truncation and padding a training may have left in it."""
    from transformers import AutoTokenizer

    path = model_path(model)
    # A byte-level BPE (RoBERTa) takes words only with a leading space; harmless where there is no such option.
    options: dict[str, Any] = {}
    with _explained(model):
        if load_config(model).model_type in ("roberta", "camembert", "modernbert", "longformer", "deberta"):
            options["add_prefix_space"] = True
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False, **options)
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

    path = model_path(model)
    config = load_config(model, **config_overrides)
    if getattr(config, EXTENSIONS_KEY, None):
        names = ", ".join(str(extension["name"]) for extension in getattr(config, EXTENSIONS_KEY))
        raise ModelError(
            f"--model {model}: no stock network ({names}), so it cannot be trained further. Predict and evaluate with "
            "it (unfreeze.load), and train its base model."
        )
    torch.manual_seed(seed)
    with _explained(model):
        network, report = getattr(transformers, auto_class).from_pretrained(
            path,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # a head for another number of labels starts anew; all else is refused below
        )
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


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Turn the loader's exceptions into one line for the user."""
    from huggingface_hub.errors import HFValidationError
    from safetensors import SafetensorError

    try:
        with quiet_loading():
            yield
    except ModelError:
        raise
    except (OSError, HFValidationError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"--model {model}: cannot be loaded ({first_line}). Without a network, download the model elsewhere "
            "(config.json, model.safetensors, tokenizer.json) and pass its folder, or use `--model minilm`."
        ) from error
    except (ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"--model {model}: cannot be loaded: {error}") from error


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bars and no load report: new weights are what fine-tuning starts with, and we say them ourselves."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging as hf_logging

    verbosity, hub_verbosity = hf_logging.get_verbosity(), hub_logging.get_verbosity()
    # The hub client logs each retry; the one error that we raise in the end says it all.
    hub_logging.set_verbosity(logging.CRITICAL)
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity(logging.ERROR)
    hf_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # peft 0.21 asks for an attribute that transformers 5.23 is about to rename.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
            # BOFT does without; a factor it would have to change was refused before training.
            warnings.filterwarnings("ignore", message="Failed to load the CUDA ext|Setting boft_n_butterfly_factor")
            yield
    finally:
        hf_logging.set_verbosity(verbosity)
        hub_logging.set_verbosity(hub_verbosity)
        if bars:
            hf_logging.enable_progress_bar()
