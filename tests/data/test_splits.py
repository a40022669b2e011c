"""Splits and subsets: pure functions of the seed that lose, repeat and leak nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.data.duplicates import content_key
from unfreeze.data.examples import TaggedExample, TextExample
from unfreeze.data.splits import split_off, subset

TEXTS = st.lists(
    st.builds(TextExample, st.sampled_from([f"text {i}" for i in range(30)]), st.sampled_from("abcd")), max_size=60
)


@given(TEXTS, st.floats(0.05, 0.9), st.integers(0, 5))
def test_split_off(texts: list[TextExample], fraction: float, seed: int) -> None:
    rest, part = split_off(texts, fraction, seed, "validation")
    assert Counter(rest + part) == Counter(texts)
    assert (rest, part) == split_off(texts, fraction, seed, "validation")
    assert {e.label for e in part} <= {e.label for e in rest}
    assert not {content_key(e) for e in part} & {content_key(e) for e in rest}


@pytest.mark.parametrize("size", [50, 100, 997])
def test_split_off_is_stratified(size: int) -> None:
    texts = [TextExample(f"text {i}", "rare" if i % 10 == 0 else "usual") for i in range(size)]
    _, part = split_off(texts, 0.1, 42, "test")
    counts = Counter(example.label for example in part)
    assert len(part) == round(0.1 * size)
    assert abs(counts["rare"] - 0.01 * size) <= 1


def test_seeds_and_purposes_draw_differently() -> None:
    texts = [TextExample(f"text {i}", "ab"[i % 2]) for i in range(200)]
    parts = [split_off(texts, 0.1, seed, purpose)[1] for seed in (1, 2) for purpose in ("validation", "test")]
    assert len({tuple(part) for part in parts}) == 4


def test_a_single_example_of_a_class_stays_in_train() -> None:
    texts = [*(TextExample(f"text {i}", "usual") for i in range(3)), TextExample("odd", "rare")]
    rest, part = split_off(texts, 0.5, 0, "validation")
    assert texts[3] in rest and len(part) == 2


def test_tags_of_the_rest_cover_those_of_the_part() -> None:
    sentences = [TaggedExample((f"w{i}",), ("SYM" if i == 7 else "NOUN",)) for i in range(20)]
    for seed in range(20):
        rest, _ = split_off(sentences, 0.5, seed, "validation")
        assert sentences[7] in rest


@given(TEXTS, st.integers(1, 70), st.integers(1, 70))
def test_subsets_are_nested_and_keep_the_order(texts: list[TextExample], one: int, other: int) -> None:
    numbered = [TextExample(f"{i} {example.text}", example.label) for i, example in enumerate(texts)]
    small, large = (subset(numbered, size, 3) for size in sorted((one, other)))
    assert set(small) <= set(large) <= set(numbered)
    assert len(large) == min(max(one, other), len(numbered))
    assert large == [example for example in numbered if example in set(large)]
    if len(large) >= 4:
        assert {example.label for example in large} == {example.label for example in numbered}
