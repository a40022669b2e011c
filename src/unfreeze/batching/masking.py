"""Which tokens of a window are hidden, and what stands in their place: the corruption of masked language models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, log
from random import Random
from typing import Literal

from unfreeze.batching.features import IGNORE, Features
from unfreeze.batching.order import stable_seed

MaskUnit = Literal["token", "word", "span"]

# Joshi et al. 2020 (section 3.1): the lengths of spans are drawn from a geometric distribution, and no longer than 10.
SPAN_END, LONGEST_SPAN = 0.2, 10


@dataclass(frozen=True)
class Masking:
    """Hides a share of the tokens of each window and keeps what stood there as its labels (Devlin et al. 2019, A.1).

    Of the tokens hidden, `masked` are replaced by the mask token, `random` by any other one, and the rest stays.
    Special tokens and padding are never hidden, also where a text spells them out. A window has the words of its tokens
    in `words`, -1 for what frames the text.
    """

    mask_token_id: int
    ordinary_ids: Sequence[int]  # what a token may be replaced by: no special ones
    probability: float = 0.15
    unit: MaskUnit = "token"
    masked: float = 0.8
    random: float = 0.1
    static: bool = False  # the same tokens in every epoch?
    special_ids: frozenset[int] = frozenset()  # the unknown token is one of them

    def __call__(self, window: Features, fresh: Random | None) -> Features:
        """The window with tokens hidden: drawn from `fresh`, or, without it, always the same ones of this window."""
        rng = fresh
        if rng is None or self.static:
            rng = Random(stable_seed("mask", window.example, tuple(window.input_ids)))
        ids = list(window.input_ids)
        labels = [IGNORE] * len(ids)
        words = [-1 if token in self.special_ids else word for token, word in zip(ids, window.words, strict=True)]
        for position in self.chosen(words, rng):
            labels[position] = ids[position]
            draw = rng.random()
            if draw < self.masked:
                ids[position] = self.mask_token_id
            elif draw < self.masked + self.random:
                ids[position] = self.ordinary_ids[rng.randrange(len(self.ordinary_ids))]
        return replace(window, input_ids=ids, labels=labels)

    def chosen(self, words: Sequence[int], rng: Random) -> list[int]:
        """Positions to hide, in order: each token with the probability, or about that share of them as whole words.

        A window without a hidden token would teach nothing, so there is always one, if it has a token at all.
        """
        candidates = [i for i, word in enumerate(words) if word >= 0]
        if not candidates:
            return []
        if self.unit == "token":
            found = [i for i in candidates if rng.random() < self.probability]
            return found or [rng.choice(candidates)]
        budget = self.probability * len(candidates)
        hidden: set[int] = set()
        for word in self._words(words, candidates, rng):
            more = set(word) - hidden
            left = budget - len(hidden)
            # The last word goes beyond the share, or is left out: by chance, so that the share is right on average.
            if len(more) > left and hidden and rng.random() >= left / len(more):
                break
            hidden |= more
            if len(hidden) >= budget:
                break
        return sorted(hidden)

    def _words(self, words: Sequence[int], candidates: Sequence[int], rng: Random) -> Iterator[list[int]]:
        """The positions of whole words in a random order, or of those of random spans one after the other."""
        by_word: dict[int, list[int]] = {}
        for i in candidates:
            by_word.setdefault(words[i], []).append(i)
        pieces = list(by_word.values())
        starts = list(range(len(pieces)))
        rng.shuffle(starts)
        for start in starts:
            yield from pieces[start : start + (1 if self.unit == "word" else span_length(rng))]


def span_length(rng: Random) -> int:
    """Words in a span: geometric with `SPAN_END`, drawn again where it is longer than `LONGEST_SPAN`."""
    while True:
        length = ceil(log(1 - rng.random()) / log(1 - SPAN_END)) or 1
        if length <= LONGEST_SPAN:
            return length
