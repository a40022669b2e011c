"""Words and entities: offsets that hold for any text, groups as the stock pipeline makes them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import TokenClassificationPipeline

from unfreeze.tasks.entities import Word, entity_groups, split_words

IOB = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=12)
PLAIN = st.lists(st.sampled_from(["O", "NOUN", "VERB"]), max_size=12)


@given(st.text())
def test_words_are_where_they_say_and_nothing_visible_is_lost(text: str) -> None:
    words = split_words(text)
    end = 0
    for word in words:
        assert text[word.start : word.end] == word.text and word.text
        assert word.start >= end and not text[end : word.start].strip()
        end = word.end
        assert not re.search(r"\s", word.text)
    assert not text[end:].strip()


@given(st.lists(st.text()))
def test_a_list_of_words_is_taken_as_it_is(words: list[str]) -> None:
    found = split_words(words)
    assert [word.text for word in found] == words
    joined = " ".join(words)
    assert [joined[word.start : word.end] for word in found] == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n", []),
        ("Ada's U.S.-born aunt (36).", ["Ada's", "U.S", ".", "-", "born", "aunt", "(", "36", ")", "."]),
        ("3.5% at 10:30", ["3.5", "%", "at", "10", ":", "30"]),
        ("naïve café", ["naïve", "café"]),
        ("a🙂b", ["a", "🙂", "b"]),
    ],
)
def test_words_of_a_text(text: str, expected: list[str]) -> None:
    assert [word.text for word in split_words(text)] == expected


def sentence_of(tags: list[str]) -> tuple[str, list[Word], list[float]]:
    words = [f"w{i}" for i in range(len(tags))]
    return " ".join(words), split_words(words), [(i % 7 + 1) / 8 for i in range(len(tags))]


def stock_groups(text: str, words: list[Word], tags: list[str], scores: list[float]) -> list[dict[str, Any]]:
    """What the stock pipeline's own grouping makes of the same tags (aggregation_strategy="simple")."""
    pipeline = TokenClassificationPipeline.__new__(TokenClassificationPipeline)
    pipeline.tokenizer = SimpleNamespace(convert_tokens_to_string=" ".join)
    tokens = [
        {"entity": tag, "score": score, "word": word.text, "start": word.start, "end": word.end}
        for word, tag, score in zip(words, tags, scores, strict=True)
    ]
    return [group for group in pipeline.group_entities(tokens) if group["entity_group"] != "O"] if tokens else []


@pytest.mark.parametrize("kind", ["iob2", "plain"])
@given(data=st.data())
def test_simple_aggregation_is_the_stock_one(kind: str, data: st.DataObject) -> None:
    tags = data.draw(IOB if kind == "iob2" else PLAIN)
    text, words, scores = sentence_of(tags)
    ours = entity_groups(text, words, tags, scores, "simple")
    stock = stock_groups(text, words, tags, scores)
    assert [group["entity_group"] for group in ours] == [group["entity_group"] for group in stock]
    for group, expected in zip(ours, stock, strict=True):
        assert group.keys() == expected.keys()
        assert group["score"] == pytest.approx(float(expected["score"]))
        assert (group["word"], group["start"], group["end"]) == (expected["word"], expected["start"], expected["end"])
        assert text[group["start"] : group["end"]] == group["word"]


@given(st.one_of(IOB, PLAIN))
def test_without_aggregation_every_tagged_word_is_one_entry(tags: list[str]) -> None:
    text, words, scores = sentence_of(tags)
    found = entity_groups(text, words, tags, scores, "none")
    assert [(one["index"], one["entity"]) for one in found] == [(i, tag) for i, tag in enumerate(tags) if tag != "O"]
    for one in found:
        assert set(one) == {"entity", "score", "index", "word", "start", "end"}
        assert (one["word"], one["score"]) == (words[one["index"]].text, scores[one["index"]])


@given(IOB)
def test_groups_cover_exactly_the_tagged_words(tags: list[str]) -> None:
    text, words, scores = sentence_of(tags)
    covered = [word for group in entity_groups(text, words, tags, scores, "simple") for word in group["word"].split()]
    assert covered == [word.text for word, tag in zip(words, tags, strict=True) if tag != "O"]


def test_marks_stay_with_their_letter() -> None:
    decomposed = "cafe\u0301"
    for word in ("Ọlọ́run", "हिन्दी", decomposed):
        assert [found.text for found in split_words(f"{word}!")] == [word, "!"]
