"""Masking: the right shares, never a special token or padding, whole words as wholes, and the same again."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import IGNORE, Features
from unfreeze.batching.masking import LONGEST_SPAN, Masking, span_length

MASK, ORDINARY = 4, list(range(5, 1000))


def window(words: list[int], example: int = 0) -> Features:
    """[CLS], pieces of these words, [SEP]; the id of a piece tells its place."""
    ids = [2, *range(100, 100 + len(words)), 3]
    return Features(example, ids, [IGNORE] * len(ids), [-1, *words, -1])


def hidden(found: Features) -> list[int]:
    return [i for i, label in enumerate(found.labels) if label != IGNORE]


@pytest.mark.parametrize("unit", ["token", "word", "span"])
@pytest.mark.parametrize("probability", [0.15, 0.4])
def test_shares(unit: Any, probability: float) -> None:
    masking, rng = Masking(MASK, ORDINARY, probability, unit), Random(0)
    whole = window([i // 2 for i in range(60)])
    kinds: Counter[str] = Counter()
    for _ in range(2000):
        found = masking(whole, rng)
        for place, (before, now) in enumerate(zip(whole.input_ids, found.input_ids, strict=True)):
            if found.labels[place] == IGNORE:
                assert before == now
                kinds["left"] += 1
            else:
                assert found.labels[place] == before
                kinds["mask" if now == MASK else "same" if now == before else "other"] += 1
    chosen = kinds["mask"] + kinds["same"] + kinds["other"]
    assert chosen / (2000 * 60) == pytest.approx(probability, abs=0.01)
    for kind, share in (("mask", 0.8), ("other", 0.1), ("same", 0.1)):
        assert kinds[kind] / chosen == pytest.approx(share, abs=0.01)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.integers(0, 3), max_size=30), st.sampled_from(["token", "word", "span"]), st.integers(0, 99))
def test_special_tokens_and_padding_are_never_hidden(sizes: list[int], unit: Any, seed: int) -> None:
    words = [word for word, size in enumerate(sizes) for _ in range(size)]
    found = Masking(MASK, ORDINARY, unit=unit)(window(words), Random(seed))
    assert found.labels[0] == found.labels[-1] == IGNORE
    assert (found.input_ids[0], found.input_ids[-1]) == (2, 3)
    assert bool(hidden(found)) == bool(words)
    batch = Collator(0, token_labels=True, corrupt=Masking(MASK, ORDINARY, unit=unit))(
        [window(words), window([0] * 40)]
    )
    padding = batch.inputs["attention_mask"] == 0
    assert (batch.labels[padding] == IGNORE).all() and (batch.inputs["input_ids"][padding] == 0).all()


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=25), st.sampled_from(["word", "span"]), st.integers(0, 99))
def test_words_are_hidden_as_wholes(sizes: list[int], unit: Any, seed: int) -> None:
    words = [word for word, size in enumerate(sizes) for _ in range(size)]
    found = Masking(MASK, ORDINARY, unit=unit)(window(words), Random(seed))
    touched = {words[i - 1] for i in hidden(found)}
    assert hidden(found) == [i + 1 for i, word in enumerate(words) if word in touched]


def test_spans_are_longer_than_words() -> None:
    rng = Random(0)
    lengths = [span_length(rng) for _ in range(4000)]
    assert max(lengths) <= LONGEST_SPAN and min(lengths) == 1
    assert sum(lengths) / len(lengths) == pytest.approx(3.8, abs=0.1)  # as Joshi et al. 2020 give it


def test_what_is_hidden_is_drawn_anew_or_always_the_same() -> None:
    whole = [window(list(range(40)), example) for example in range(2)]
    collate = Collator(0, token_labels=True, corrupt=Masking(MASK, ORDINARY))
    import torch

    fixed = [collate(whole).labels for _ in range(2)]
    assert torch.equal(*fixed) and not torch.equal(fixed[0][0], fixed[0][1])
    alone = collate(whole[1:]).labels[0]
    assert torch.equal(alone, fixed[0][1])  # however it is batched
    torch.manual_seed(1)
    first, second = collate(whole, fresh=True).labels, collate(whole, fresh=True).labels
    assert not torch.equal(first, second)
    torch.manual_seed(1)
    assert torch.equal(collate(whole, fresh=True).labels, first)  # as the loop seeds each step
    static = Collator(0, token_labels=True, corrupt=Masking(MASK, ORDINARY, static=True))
    assert torch.equal(static(whole, fresh=True).labels, static(whole).labels)
