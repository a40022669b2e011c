"""Texts to word pieces with the place of each in the text, and how far windows of pieces overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from unfreeze.tasks.task import TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WORD = re.compile(r"\S+")
TEXTS_AT_ONCE = 200  # what a tokenizer says of each is large
T = TypeVar("T")


def blocks(texts: Sequence[T]) -> Iterator[list[T]]:
    """All texts, as many at a time as a tokenizer is given at once.

    >>> [len(block) for block in blocks(range(450))]
    [200, 200, 50]
    """
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield list(texts[start : start + TEXTS_AT_ONCE])


def token_ids(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[list[int]]:
    """The ids of each text, without special tokens."""
    for block in blocks(texts):
        # verbose=False: the tokenizer would warn of texts over its limit, which are cut right after, and counted.
        yield from tokenizer(block, add_special_tokens=False, verbose=False)["input_ids"]


def pieces_with_offsets(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase
) -> Iterator[tuple[list[int], npt.NDArray[np.int32]]]:
    """For each text the ids of its pieces, and the characters of each: first, and one behind the last; (pieces, 2).

    A tokenizer that knows no offsets is asked word by word; a piece then has those of its word.
    """
    if not tokenizer.is_fast:
        yield from (_word_by_word(text, tokenizer) for text in texts)
        return
    for block in blocks(texts):
        encoding = tokenizer(block, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        for text, ids, offsets in zip(block, encoding["input_ids"], encoding["offset_mapping"], strict=True):
            yield list(ids), trimmed(text, np.array(offsets, dtype=np.int32).reshape(-1, 2))


def trimmed(text: str, offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The offsets without the blanks that some tokenizers count to the piece behind them."""
    for row in offsets:
        while row[0] < row[1] and text[row[0]].isspace():
            row[0] += 1
        while row[0] < row[1] and text[row[1] - 1].isspace():
            row[1] -= 1
    return offsets


def _word_by_word(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], npt.NDArray[np.int32]]:
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        pieces = list(tokenizer(word.group(), add_special_tokens=False)["input_ids"])
        ids += pieces
        offsets += [word.span()] * len(pieces)
    return ids, np.array(offsets, dtype=np.int32).reshape(-1, 2)


def chosen_overlap(doc_stride: int | None, default: int, capacity: int) -> int:
    """How many pieces windows of `capacity` share: as typed, or the default where it is at most half of a window.

    Raises:
        TaskError: windows would not go on.
    """
    if doc_stride is None:
        return min(default, capacity // 2)
    if doc_stride >= capacity:
        raise TaskError(
            f"--doc-stride {doc_stride}: expected less than the {capacity} pieces of a window, or windows do not go "
            "on. Lower it, or raise --max-length."
        )
    return doc_stride


def pieces_of_words(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[list[int], list[int]]]:
    """For each text the ids of its pieces, and the number of the word that each belongs to, from 0.

    Words are what the tokenizer splits a text into first, or what stands between blanks, if it does not tell.
    """
    if not tokenizer.is_fast:
        for text in texts:
            split = [list(tokenizer(word, add_special_tokens=False)["input_ids"]) for word in _WORD.findall(text)]
            all_ids = [int(piece) for word in split for piece in word]
            yield all_ids, [i for i, word in enumerate(split) for _ in word]
        return
    for block in blocks(texts):
        encoding = tokenizer(block, add_special_tokens=False, verbose=False)
        for i, ids in enumerate(encoding["input_ids"]):
            # A piece without a word is a special token that was written out: it is never hidden.
            yield list(ids), [-1 if word is None else word for word in encoding.word_ids(i)]
