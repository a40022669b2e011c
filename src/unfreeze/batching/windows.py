"""Long word sequences cut into overlapping windows, in which each word is answered for once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Window:
    """Words `start` to `stop` (exclusive); it answers for the words `owned_from` to `owned_to` (exclusive)."""

    start: int
    stop: int
    owned_from: int
    owned_to: int


def cut_windows(pieces_per_word: Sequence[int], capacity: int, overlap: int) -> list[Window]:
    """Cut words into windows of at most `capacity` pieces that share about `overlap` pieces with their neighbours.

    A word in two windows belongs to the one that gives it more context on its shorter side (the rule of maximal
    context in the SQuAD script of Devlin et al. 2019). A word longer than `capacity` stands alone; the caller cuts it.

    >>> [(w.start, w.stop, w.owned_from, w.owned_to) for w in cut_windows([1] * 6, capacity=4, overlap=2)]
    [(0, 4, 0, 3), (2, 6, 3, 6)]
    """
    if not 0 <= overlap < capacity:
        raise ValueError(f"doc_stride={overlap}: expected 0 or more and less than the {capacity} pieces of a window")
    spans = _spans([min(count, capacity) for count in pieces_per_word], capacity, overlap)
    borders = [0]
    for (start, stop), (next_start, next_stop) in pairwise(spans):
        borders.append(_border(pieces_per_word, (start, stop), (next_start, next_stop)))
    borders.append(len(pieces_per_word))
    windows = [Window(start, stop, borders[i], borders[i + 1]) for i, (start, stop) in enumerate(spans)]
    # Between very uneven words a window can be left with none to answer for; it would only cost time.
    return [window for window in windows if window.owned_from < window.owned_to]


def _spans(counts: Sequence[int], capacity: int, overlap: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    while start < len(counts):
        stop, used = start, 0
        while stop < len(counts) and used + counts[stop] <= capacity:
            used += counts[stop]
            stop += 1
        spans.append((start, stop))
        if stop == len(counts):
            break
        # Step back over up to `overlap` pieces, but always go on by at least one word, and only where the next
        # window then reaches further than this one.
        following, shared = stop, 0
        while following - 1 > start and shared + counts[following - 1] <= overlap:
            if shared + counts[following - 1] + counts[stop] > capacity:
                break
            shared += counts[following - 1]
            following -= 1
        start = following
    return spans


def _border(counts: Sequence[int], left: tuple[int, int], right: tuple[int, int]) -> int:
    """The first word that the right window answers for, among the words that both hold."""
    for word in range(right[0], left[1]):
        context_in_left = sum(counts[word + 1 : left[1]])
        context_in_right = sum(counts[right[0] : word])
        if context_in_right > context_in_left:
            return word
    return left[1]


def token_windows(tokens: int, capacity: int, overlap: int) -> list[tuple[int, int]]:
    """First token and one behind the last of each window; neighbours share `overlap` tokens, the last may be shorter.

    >>> token_windows(10, capacity=6, overlap=2)
    [(0, 6), (4, 10)]
    """
    if not 0 <= overlap < capacity:
        raise ValueError(f"doc_stride={overlap}: expected 0 or more and less than the {capacity} tokens of a window")
    starts = range(0, max(tokens - overlap, 1), capacity - overlap)
    return [(start, min(start + capacity, tokens)) for start in starts]
