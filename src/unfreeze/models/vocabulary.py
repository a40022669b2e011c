"""What the vocabulary of a tokenizer is known by."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def vocabulary_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """A hash of its pieces and their ids."""
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda piece: (piece[1], piece[0]))
    return hashlib.sha256(json.dumps(pieces).encode()).hexdigest()
