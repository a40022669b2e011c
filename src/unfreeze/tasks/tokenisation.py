"""What a tokenizer makes of a text, or of two, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from unfreeze.tasks.pieces import pieces_of_words, pieces_with_offsets
from unfreeze.tasks.special_tokens import frame_of, pair_frame_of

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenRow:
    """One token as the network reads it."""

    position: int
    token: str
    id: int
    segment: int | None  # None where the tokenizer hands the network no segments
    text: int | None  # 0 for the first text, 1 for the second, None for special tokens
    word: int | None  # of its text, from 0; None for special tokens, or where it cannot be told
    characters: tuple[int, int] | None  # first, and one behind the last


class Place(NamedTuple):
    """Where a token comes from: nowhere, if it is a special one."""

    text: int | None = None
    word: int | None = None
    characters: tuple[int, int] | None = None


def tokenised(tokenizer: PreTrainedTokenizerBase, text: str, pair: str | None = None) -> list[TokenRow]:
    """Every token of a text or a pair, special ones included; nothing is cut.

    Of a tokenizer that knows no offsets a token has the characters of its word.
    """
    encoding = tokenizer(text, pair, return_special_tokens_mask=True, verbose=False)
    ids = [int(token_id) for token_id in encoding["input_ids"]]
    segments = list(encoding["token_type_ids"]) if "token_type_ids" in encoding else [None] * len(ids)
    places = _told(encoding) if tokenizer.is_fast else _found(len(ids), tokenizer, text, pair)
    return [
        TokenRow(position, str(tokenizer.convert_ids_to_tokens(token_id)), token_id, segment, *place)
        for position, (token_id, segment, place) in enumerate(zip(ids, segments, places, strict=True))
    ]


def _told(encoding: BatchEncoding) -> list[Place]:
    """Places as a fast tokenizer tells them."""
    words, texts = encoding.word_ids(0), encoding.sequence_ids(0)
    places = []
    for position, is_special in enumerate(encoding["special_tokens_mask"]):
        span = None if is_special else encoding.token_to_chars(position)
        characters = None if span is None else (span.start, span.end)
        places.append(Place() if is_special else Place(texts[position], words[position], characters))
    return places


def _found(length: int, tokenizer: PreTrainedTokenizerBase, text: str, pair: str | None) -> list[Place]:
    """Places for a tokenizer that tells none: a text stands between special tokens, and its words are read alone."""
    places = [Place()] * length
    if pair is None:
        start, between = len(frame_of(tokenizer).before), 0
    else:
        frame = pair_frame_of(tokenizer)
        start, between = len(frame.before), len(frame.between)
    for number, one in enumerate([text] if pair is None else [text, pair]):
        own = _own_places(number, one, tokenizer)
        places[start : start + len(own)] = own
        start += len(own) + between
    return places


def _own_places(number: int, text: str, tokenizer: PreTrainedTokenizerBase) -> Sequence[Place]:
    ids = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
    [(pieces, words)] = pieces_of_words([text], tokenizer)
    [(_, offsets)] = pieces_with_offsets([text], tokenizer)
    if pieces != ids:
        return [Place(number)] * len(ids)  # words alone become other pieces: no saying which is of which
    return [Place(number, word, (first, last)) for word, (first, last) in zip(words, offsets.tolist(), strict=True)]
