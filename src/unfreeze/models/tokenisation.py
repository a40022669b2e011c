"""What a tokenizer makes of a text, or of two, token by token."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenRow:
    """One token as the network reads it."""

    position: int
    token: str
    id: int
    segment: int | None  # None where the network reads no segments
    text: int | None  # 0 for the first text, 1 for the second, None for special tokens
    word: int | None  # of its text, from 0; None for special tokens, or where the tokenizer does not tell
    characters: tuple[int, int] | None  # first, and one behind the last


def vocabulary_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the pieces of a tokenizer and their ids are known by."""
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda piece: (piece[1], piece[0]))
    return hashlib.sha256(json.dumps(pieces).encode()).hexdigest()


def tokenised(tokenizer: PreTrainedTokenizerBase, text: str, pair: str | None = None) -> list[TokenRow]:
    """Every token of a text or a pair, special ones included; nothing is cut."""
    encoding = tokenizer(text, pair, return_special_tokens_mask=True, verbose=False)
    ids, special = list(encoding["input_ids"]), list(encoding["special_tokens_mask"])
    segments = list(encoding["token_type_ids"]) if "token_type_ids" in encoding else [None] * len(ids)
    fast = tokenizer.is_fast
    words = encoding.word_ids(0) if fast else [None] * len(ids)
    texts = encoding.sequence_ids(0) if fast else [None] * len(ids)
    rows = []
    for position, token_id in enumerate(ids):
        own = not special[position]
        place = encoding.token_to_chars(position) if fast and own else None
        rows.append(
            TokenRow(
                position,
                str(tokenizer.convert_ids_to_tokens(token_id)),
                int(token_id),
                segments[position],
                texts[position] if own else None,
                words[position] if own else None,
                (place.start, place.end) if place is not None else None,
            )
        )
    return rows
