"""What the weights of a model are known by, so that a folder with other weights is not taken for the same model."""

from __future__ import annotations

import hashlib
from pathlib import Path

from unfreeze.models.load import load_config
from unfreeze.models.safe_files import known_files


def weights_identity(model: str) -> str:
    """A hash of the files of a local folder, or the revision of a hub id; empty where the hub client tells none."""
    return identity_and_files(model)[0]


def identity_and_files(model: str) -> tuple[str, dict[str, str]]:
    """What `weights_identity` says, and file -> the first 16 digits of its hash; without files for a hub id."""
    config = load_config(model)
    path = Path(config.name_or_path)
    if not path.is_dir():
        return str(getattr(config, "_commit_hash", None) or ""), {}
    digest = hashlib.sha256()
    digests = _file_digests(path)
    for name, content in digests.items():
        digest.update(name.encode())
        digest.update(content)
    return digest.hexdigest(), {name: content.hex()[:16] for name, content in digests.items()}


def _file_digests(folder: Path) -> dict[str, bytes]:
    """File -> SHA-256, of those in a model's folder that decide what it computes."""
    found = {}
    for file in known_files(folder):
        if file.is_file() and file.suffix in (".json", ".safetensors", ".txt", ".model"):
            with file.open("rb") as stream:
                found[file.name] = hashlib.file_digest(stream, "sha256").digest()
    return found
