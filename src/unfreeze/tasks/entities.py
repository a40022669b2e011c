"""Texts to words, and tagged words back to entities with character offsets, as the stock pipelines print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import regex

from unfreeze.metrics.entities import entities

Aggregation = Literal["none", "simple"]

# Words as treebanks and CoNLL sets cut them: runs of letters, marks and digits (inner apostrophes and hyphens kept),
# and every other visible character on its own. Marks belong to their letter (Yoruba, Hindi). Python's blanks
# include four separators (1c to 1f) that \s of `regex` does not.
_WORD = regex.compile(r"[\w\p{M}]+(?:[-'’.][\w\p{M}]+)*|[^\w\s\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text and where it stands, in characters."""

    text: str
    start: int
    end: int


def split_words(text: str | Sequence[str]) -> list[Word]:
    """The words of a text; a list of words is taken as it is, as if joined with blanks.

    >>> [word.text for word in split_words("Ada's mother-in-law, 36.")]
    ["Ada's", 'mother-in-law', ',', '36', '.']
    """
    if isinstance(text, str):
        return [Word(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]
    words, position = [], 0
    for word in text:
        words.append(Word(word, position, position + len(word)))
        position += len(word) + 1
    return words


def entity_groups(
    text: str, words: Sequence[Word], tags: Sequence[str], scores: Sequence[float], aggregation: Aggregation
) -> list[dict[str, Any]]:
    """Entities as `{"entity_group", "score", "word", "start", "end"}`; the score is the mean over the words.

    Tags that are no entities (parts of speech) are grouped by runs of equal tags, as the stock pipeline does. With
    `aggregation="none"` there is one entry for each word whose tag is not `O`.
    """
    if aggregation == "none":
        return [
            {"entity": tag, "score": score, "index": i, "word": word.text, "start": word.start, "end": word.end}
            for i, (word, tag, score) in enumerate(zip(words, tags, scores, strict=True))
            if tag != "O"
        ]
    groups = []
    for kind, first, last in _spans(tags):
        start, end = words[first].start, words[last].end
        mean = sum(scores[first : last + 1]) / (last - first + 1)
        groups.append({"entity_group": kind, "score": mean, "word": text[start:end], "start": start, "end": end})
    return groups


def _spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    if all(tag == "O" or tag[:2] in ("B-", "I-") for tag in tags):
        return entities(tags)
    spans: list[tuple[str, int, int]] = []
    for i, tag in enumerate(tags):
        if spans and spans[-1][0] == tag:
            spans[-1] = (tag, spans[-1][1], i)
        else:
            spans.append((tag, i, i))
    return [span for span in spans if span[0] != "O"]
