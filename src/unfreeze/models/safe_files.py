"""Which files of a model are read, and what of them: nothing in them can run code, and no link leads elsewhere.

A library never sees the folder itself but `safe_view` of it: links to the files that passed `check`, and the JSON files
whose keys become arguments written anew without those that name code, files or kernels.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Encoders that transformers knows itself, with a list of layers that models/anatomy.py finds.
ENCODERS = frozenset(
    {
        *("albert", "bert", "big_bird", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2"),
        *("distilbert", "electra", "ernie", "esm", "eurobert", "fnet", "gte", "layoutlm", "longformer"),
        *("luke", "megatron-bert", "mobilebert", "modernbert", "mpnet", "nomic_bert", "nystromformer", "rembert"),
        *("roberta", "roberta-prelayernorm", "roc_bert", "roformer", "splinter", "squeezebert"),
        *("xlm-roberta", "xlm-roberta-xl", "xmod"),
    }
)
MEBIBYTE = 2**20
# The largest known are a tenth of that (a tokenizer of 250,000 pieces: 17 MiB).
JSON_LIMITS = {
    "config.json": 8 * MEBIBYTE,
    "adapter_config.json": MEBIBYTE,
    "model.safetensors.index.json": 16 * MEBIBYTE,
    "tokenizer.json": 256 * MEBIBYTE,
    "tokenizer_config.json": 16 * MEBIBYTE,
    "special_tokens_map.json": 16 * MEBIBYTE,
    "added_tokens.json": 16 * MEBIBYTE,
    "vocab.json": 64 * MEBIBYTE,
    "entity_vocab.json": 64 * MEBIBYTE,  # luke
}
VOCABULARY_LIMIT = 64 * MEBIBYTE
VOCABULARIES = (
    *("vocab.txt", "merges.txt", "bpe.codes", "dict.txt"),
    *("spiece.model", "spm.model", "sentencepiece.model", "sentencepiece.bpe.model", "tokenizer.model"),
)
MODEL_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
ADAPTER_WEIGHTS = ("adapter_model.safetensors",)
OWN_WEIGHTS = ("unfreeze.safetensors",)  # of networks that are not stock, models/extensions.py
ONNX_WEIGHTS = ("model.onnx",)  # of exported networks, inference/onnx_network.py
ONNX_LIMIT = 2**31  # bytes; the format takes no more
SHARD = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors")
LONGEST_PATTERN, MOST_REPEATS = 10_000, 2  # of an adapter's patterns for the names of layers
HEADER_LIMIT = 16 * MEBIBYTE  # the names and shapes of 100,000 tensors
REFUSED_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".h5", ".msgpack", ".ot", ".gguf")

# Keys of JSON files that name code, kernels or further files; and all that begin with `_`.
NAMES_CODE = frozenset({"auto_map", "custom_pipelines", "attn_implementation", "experts_implementation"})
NAMES_FILES = frozenset(
    {"name_or_path", "configuration_files", "fast_tokenizer_files", "init_inputs", "tokenizer_object"}
)
GENERAL_TOKENIZER = "TokenizersBackend"
# A network beyond these would only fill the memory.
LARGEST = {
    **dict.fromkeys(("num_hidden_layers", "n_layers", "num_hidden_groups", "inner_group_num"), 512),
    **dict.fromkeys(("hidden_size", "dim", "embedding_size", "num_attention_heads", "n_heads"), 2**16),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "max_position_embeddings", "type_vocab_size"), 2**20),
    "vocab_size": 2**23,
}


class UnsafeFilesError(ValueError):
    """Files of a model that are not read; the message names every one, and the next step."""


def check(folder: Path, weights: Sequence[str] = ()) -> None:
    """Look at every file that would be read, and for weights under one of these names.

    Raises:
        UnsafeFilesError: with all mistakes of the folder.
    """
    mistakes = [mistake for file in known_files(folder) for mistake in _mistakes(file, folder)]
    bare_adapter = tuple(weights) == ADAPTER_WEIGHTS and (folder / "adapter_config.json").exists()  # as peft saves one
    if not (folder / "config.json").exists() and not bare_adapter:
        mistakes.append("config.json is missing. Give a folder that `save_pretrained` wrote, or a hub id")
    if weights and not any((folder / name).exists() for name in weights):
        mistakes.append(_why_no_weights(folder, weights))
    if mistakes:
        raise UnsafeFilesError("; ".join(mistakes) + ".")


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a checked folder, without what names code."""
    return _plain_config(_read_object(folder / "config.json"))


@contextmanager
def safe_view(folder: Path) -> Iterator[Path]:
    """A checked folder as libraries may see it, for as long as they read."""
    with TemporaryDirectory(prefix="unfreeze-model-") as name:
        view = Path(name)
        for file in known_files(folder):
            if file.name in _PLAIN:
                values = json.dumps(_PLAIN[file.name](_read_object(file)))
                (view / file.name).write_text(values, encoding="utf-8")
            else:
                (view / file.name).symlink_to(file.resolve())
        yield view


def download_patterns(weights: Sequence[str]) -> list[str]:
    """What is fetched from a hub: the files that are read and no others."""
    shards = ["model-*-of-*.safetensors"] if weights == MODEL_WEIGHTS else []
    others = [name for name in (*JSON_LIMITS, *VOCABULARIES) if name not in MODEL_WEIGHTS]
    return [*others, *weights, *shards]


def known_files(folder: Path) -> list[Path]:
    """The files of a model folder that are read; `check` says whether they may be."""
    known = {*JSON_LIMITS, *VOCABULARIES, *MODEL_WEIGHTS, *ADAPTER_WEIGHTS, *OWN_WEIGHTS, *ONNX_WEIGHTS}
    return sorted(file for file in folder.iterdir() if file.name in known or SHARD.fullmatch(file.name))


def _mistakes(file: Path, folder: Path) -> list[str]:
    try:
        target, root = file.resolve(), folder.resolve()
        known = target.stat()
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return [f"{file.name} is a link that leads nowhere. Put the file itself there"]
    if not target.is_relative_to(root) and not _is_cached(target, root):
        return [f"{file.name} is a link out of the folder (to {target}). Put the file itself there"]
    if not stat.S_ISREG(known.st_mode):
        return [f"{file.name} is no ordinary file. Put the file itself there"]
    if file.suffix == ".safetensors":
        return _weight_mistakes(file, known.st_size)
    limit = ONNX_LIMIT if file.name in ONNX_WEIGHTS else JSON_LIMITS.get(file.name, VOCABULARY_LIMIT)
    if known.st_size > limit:
        return [f"{file.name} has {known.st_size:,} bytes; expected at most {limit:,}, more than any known model has"]
    if file.name not in _PLAIN and file.name != "model.safetensors.index.json":
        return []
    try:
        values = _read_object(file)
    except UnsafeFilesError as error:
        return [str(error)]
    return _CONTENT[file.name](values) if file.name in _CONTENT else []


def _is_cached(target: Path, root: Path) -> bool:
    """Is it in the hub's cache, where `snapshots/<commit>/` holds links into `blobs/` beside it?"""
    return root.parent.name == "snapshots" and target.parent == root.parent.parent / "blobs"


def _weight_mistakes(file: Path, size: int) -> list[str]:
    """The header must be JSON of a sensible length: libraries would read as much as it claims to have."""
    with file.open("rb") as stream:
        start = stream.read(9)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:] != b"{" or length > size - 8:
        return [f"{file.name} is no safetensors file (cut short, or another format under that name). Fetch it again"]
    if length > HEADER_LIMIT:
        return [f"{file.name} has a header of {length:,} bytes; expected at most {HEADER_LIMIT:,}"]
    return []


def _why_no_weights(folder: Path, weights: Sequence[str]) -> str:
    refused = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in REFUSED_WEIGHTS)
    if refused:
        return (
            f"{weights[0]} is missing, and {', '.join(refused[:3])} is not read: such files can run code when they are "
            "loaded. Save the model as safetensors where you trust it (`save_pretrained`), or take one that has them"
        )
    if (folder / ONNX_WEIGHTS[0]).exists():
        return f"{weights[0]} is missing: this is an ONNX model, which only predicts. Give what it was exported from"
    if weights == MODEL_WEIGHTS and (folder / "adapter_config.json").exists():
        return f"{weights[0]} is missing: this is an adapter. Give the merged model, or the one it was trained on"
    return f"{weights[0]} is missing. Give a folder that `save_pretrained` wrote, or a model with safetensors"


def _read_object(file: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        UnsafeFilesError: it is none, or nested too deeply to be one.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnsafeFilesError(f"{file.name} is not valid JSON ({reason}). Fetch it again") from None
    if not isinstance(values, dict):
        raise UnsafeFilesError(f"{file.name} holds a {type(values).__name__}; expected a JSON object")
    return values


def _config_mistakes(values: Mapping[str, Any]) -> list[str]:
    found = []
    family = values.get("model_type")
    if family not in ENCODERS if isinstance(family, str) else True:
        known = ", ".join(sorted(ENCODERS))
        said = repr(family) if "model_type" in values else "missing"
        found.append(
            f"config.json: model_type is {said:.60}; expected an encoder that transformers has itself: {known}"
        )
    if values.get("quantization_config") is not None:
        found.append("config.json: quantization_config: the weights are quantized. Take the model in full precision")
    for name, largest in LARGEST.items():
        value = values.get(name)
        if isinstance(value, int | float) and not 0 <= value <= largest:
            found.append(f"config.json: {name} is {value:.6g}; expected 0 to {largest:,}")
    for name in ("id2label", "label2id", "unfreeze"):
        if not isinstance(values.get(name, {}), dict | None):
            found.append(f"config.json: {name} is {values[name]!r:.60}; expected names and values")
    if isinstance(usage := values.get("unfreeze"), dict) and not isinstance(usage.get("max_length"), int | None):
        found.append(f"config.json: unfreeze: max_length is {usage['max_length']!r:.60}; expected a whole number")
    extensions = values.get("unfreeze_extensions") or []
    if not isinstance(extensions, list) or not all(isinstance(one, dict) and "name" in one for one in extensions):
        found.append(f"config.json: unfreeze_extensions is {extensions!r:.60}; expected a list of named extensions")
    return found


def _index_mistakes(values: Mapping[str, Any]) -> list[str]:
    shards = values.get("weight_map")
    if not isinstance(shards, dict):
        return ["model.safetensors.index.json: weight_map is missing"]
    foreign = sorted({str(name) for name in shards.values() if not SHARD.fullmatch(str(name))})
    if foreign:
        return [
            f"model.safetensors.index.json: weight_map names {foreign[0]!r:.80}; expected files of the folder, as in "
            "model-00001-of-00002.safetensors"
        ]
    return []


def _adapter_mistakes(values: Mapping[str, Any]) -> list[str]:
    found = []
    for name in ("base_model_name_or_path", "peft_type"):
        if not isinstance(values.get(name), str) or not values[name]:
            found.append(f"adapter_config.json: {name} is {values.get(name)!r:.60}; expected a name")
    for name in ("target_modules", "exclude_modules", "rank_pattern", "alpha_pattern", "layers_pattern"):
        given = values.get(name) or ()
        patterns = [given] if isinstance(given, str) else given if isinstance(given, dict | list) else ()
        if not all(isinstance(one, str) and _is_quick_pattern(one) for one in patterns):
            found.append(
                f"adapter_config.json: {name} is {given!r:.60}; expected names, or a pattern of at most "
                f"{MOST_REPEATS} `*`, `+`, `?` or `{{`, none of them after `)`"
            )
    return found


def _is_quick_pattern(pattern: str) -> bool:
    """Does every name tell quickly whether it matches? Repetitions within or after each other can take for ever."""
    plain = re.sub(r"\\.", "x", pattern)
    repeats = len(re.findall(r"[*+?{]", plain))
    return len(pattern) <= LONGEST_PATTERN and repeats <= MOST_REPEATS and not re.search(r"\)[*+?{]|\(\?", plain)


_CONTENT: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "config.json": _config_mistakes,
    "model.safetensors.index.json": _index_mistakes,
    "adapter_config.json": _adapter_mistakes,
}


def _plain_config(values: Mapping[str, Any]) -> dict[str, Any]:
    return _known_tokenizer({key: value for key, value in values.items() if not _is_private(key)})


def _plain_tokens(values: Mapping[str, Any]) -> dict[str, Any]:
    """All keys become arguments of the tokenizer's class, those of files included."""
    plain = {key: value for key, value in values.items() if not _is_private(key) and not key.endswith("_file")}
    return _known_tokenizer(plain)


def _plain_adapter(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the modules that peft would import by name, and without what is needed only to begin a training."""
    ended = ("_config", "_mapping")
    return {
        key: value
        for key, value in values.items()
        if not _is_private(key) and not key.startswith("megatron_") and not key.endswith(ended)
    }


def _is_private(key: str) -> bool:
    return key.startswith("_") or key in NAMES_CODE or key in NAMES_FILES


_PLAIN: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "config.json": _plain_config,
    "adapter_config.json": _plain_adapter,
    "tokenizer_config.json": _plain_tokens,
    "special_tokens_map.json": _plain_tokens,
}


def _known_tokenizer(values: dict[str, Any]) -> dict[str, Any]:
    """With a class that transformers has; instead of any other the general one, which reads `tokenizer.json` alone."""
    name = values.get("tokenizer_class")
    return values if name is None or _is_tokenizer(name) else values | {"tokenizer_class": GENERAL_TOKENIZER}


def _is_tokenizer(name: Any) -> bool:
    from transformers import PreTrainedTokenizerBase
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    if name == GENERAL_TOKENIZER:
        return True
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]{1,60}Tokenizer(Fast|Legacy)?", name):
        return False
    found = tokenizer_class_from_name(name.removesuffix("Fast"))
    own = isinstance(found, type) and found.__module__.startswith("transformers.")
    return own and issubclass(found, PreTrainedTokenizerBase)
