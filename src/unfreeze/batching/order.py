"""Which windows form which batch: a pure function of the seed and the epoch."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from math import ceil
from typing import Literal

Sampling = Literal["random", "group_by_length", "sequential"]

# Windows of about the same length are looked for among this many batches, so that the order stays random beyond it.
GROUP_BATCHES = 50


def training_batches(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int, sampling: Sampling = "random"
) -> list[list[int]]:
    """The batches of one epoch as lists of indices; the last one may be smaller. Every index occurs once.

    >>> training_batches([3, 3, 3], 2, seed=0, epoch=0, sampling="sequential")
    [[0, 1], [2]]
    """
    indices = list(range(len(lengths)))
    if sampling == "sequential":
        return _cut(indices, batch_size)
    rng = random.Random(stable_seed("order", seed, epoch))
    rng.shuffle(indices)
    if sampling == "random":
        return _cut(indices, batch_size)
    batches = []
    for group in _cut(indices, batch_size * GROUP_BATCHES):
        group.sort(key=lambda index: lengths[index], reverse=True)
        batches += _cut(group, batch_size)
    short = [batch for batch in batches if len(batch) < batch_size]
    whole = [batch for batch in batches if len(batch) == batch_size]
    rng.shuffle(whole)
    return whole + short


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """The share of the places of padded batches that hold no token.

    >>> round(padding_share([4, 2, 6], [[0, 1], [2]]), 3)
    0.143
    """
    places = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    return 1 - sum(lengths[index] for batch in batches for index in batch) / places if places else 0.0


def steps_for_tokens(
    lengths: Sequence[int], batch_size: int, tokens: int, *, seed: int, sampling: Sampling = "random"
) -> int:
    """The number of steps after which at least `tokens` tokens were trained on, padding not counted.

    >>> steps_for_tokens([3, 3, 3], 2, 10, seed=0, sampling="sequential")
    3
    """
    # Every epoch has the same tokens, so only the last one has to be looked into.
    whole, rest = divmod(tokens, sum(lengths))
    steps = whole * ceil(len(lengths) / batch_size)
    for batch in training_batches(lengths, batch_size, seed=seed, epoch=whole, sampling=sampling):
        if rest <= 0:
            break
        rest -= sum(lengths[index] for index in batch)
        steps += 1
    return steps


def evaluation_batches(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Longest first, so that a batch holds windows of about one length; each has up to `tokens_per_batch` tokens.

    A window above that stands alone.
    """
    batches: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if room == 0:
            batches.append([])
            # The first window of a batch is its longest and sets how many fit.
            room = max(tokens_per_batch // max(lengths[index], 1), 1)
        batches[-1].append(index)
        room -= 1
    return batches


def stable_seed(*parts: object) -> int:
    """A seed of 63 bits that depends on all parts and on nothing else (Python's hash() differs between processes)."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _cut(indices: Sequence[int], size: int) -> list[list[int]]:
    return [list(indices[i : i + size]) for i in range(0, len(indices), size)]
