"""Which files of a model are read, and what of them: nothing in them can run code, and no link leads elsewhere.

A library never sees the folder itself but `safe_view` of it: links to the files that passed `check`, and the JSON files
whose keys become arguments written anew without those that name code, files or kernels.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unfreeze.models.safe_contents import CONTENT_MISTAKES, PLAIN_CONTENT, SHARD, plain_config

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
HEADER_LIMIT = 16 * MEBIBYTE  # the names and shapes of 100,000 tensors
REFUSED_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".h5", ".msgpack", ".ot", ".gguf")


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
    return plain_config(_read_object(folder / "config.json"))


@contextmanager
def safe_view(folder: Path) -> Iterator[Path]:
    """A checked folder as libraries may see it, for as long as they read."""
    with TemporaryDirectory(prefix="unfreeze-model-") as name:
        view = Path(name)
        for file in known_files(folder):
            if file.name in PLAIN_CONTENT:
                values = json.dumps(PLAIN_CONTENT[file.name](_read_object(file)))
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
    if file.name not in PLAIN_CONTENT and file.name != "model.safetensors.index.json":
        return []
    try:
        values = _read_object(file)
    except UnsafeFilesError as error:
        return [str(error)]
    return CONTENT_MISTAKES[file.name](values) if file.name in CONTENT_MISTAKES else []


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
