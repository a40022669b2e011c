"""Texts to word pieces with the place of each in the text, and how far windows of pieces overlap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unfreeze.tasks.task import TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WORD = re.compile(r"\S+")


def pieces_with_offsets(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase
) -> list[tuple[list[int], npt.NDArray[np.int32]]]:
    """For each text the ids of its pieces, and the characters of each: first, and one behind the last; (pieces, 2).

    A tokenizer that knows no offsets is asked word by word; a piece then has those of its word.
    """
    if not texts:
        return []
    if not tokenizer.is_fast:
        return [_word_by_word(text, tokenizer) for text in texts]
    encoding = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [
        (list(ids), trimmed(text, np.array(offsets, dtype=np.int32).reshape(-1, 2)))
        for text, ids, offsets in zip(texts, encoding["input_ids"], encoding["offset_mapping"], strict=True)
    ]


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


def pieces_of_words(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[tuple[list[int], list[int]]]:
    """For each text the ids of its pieces, and the number of the word that each belongs to, from 0.

    Words are what the tokenizer splits a text into first, or what stands between blanks, if it does not tell.
    """
    if not texts:
        return []
    if not tokenizer.is_fast:
        found = []
        for text in texts:
            split = [list(tokenizer(word, add_special_tokens=False)["input_ids"]) for word in _WORD.findall(text)]
            all_ids = [int(piece) for word in split for piece in word]
            found.append((all_ids, [i for i, word in enumerate(split) for _ in word]))
        return found
    encoding = tokenizer(list(texts), add_special_tokens=False, verbose=False)
    pieces = []
    for i, ids in enumerate(encoding["input_ids"]):
        # A piece without a word is a special token that was written out: it is never hidden.
        words = [-1 if word is None else word for word in encoding.word_ids(i)]
        pieces.append((list(ids), words))
    return pieces
