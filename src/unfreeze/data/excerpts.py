"""A few short examples of each label, entity type or kind of question: what a person looks at first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from unfreeze.data.examples import Example, NumberExample, TaggedExample
from unfreeze.data.question_example import QuestionExample
from unfreeze.data.tag_schemes import entities

FEW = 3  # examples of a label
MOST_LABELS = 40  # the most frequent
LONGEST = 160  # characters
WORDS_AROUND = 7  # a tagged word or entity, on either side


def excerpts(examples: Sequence[Example], scheme: str | None) -> list[dict[str, Any]]:
    """`label` and `texts`, the most frequent label first; of numbers the lowest, the middle and the highest."""
    numbers = [one for one in examples if isinstance(one, NumberExample) and one.value is not None]
    if numbers:
        numbers.sort(key=lambda one: one.value or 0.0)
        return [{"label": f"{one.value:g}", "texts": [shortened(one.shown)]} for one in spread(numbers)]
    by_label: dict[str, list[tuple[Example, int, int]]] = defaultdict(list)  # with the words that are meant
    for example in examples:
        for label, start, end in _parts(example, scheme):
            by_label[label].append((example, start, end))
    frequent = sorted(by_label, key=lambda label: -len(by_label[label]))[:MOST_LABELS]
    return [{"label": one, "texts": [_shown(*place) for place in spread(by_label[one])]} for one in frequent]


def entity_counts(examples: Iterable[Example]) -> dict[str, int]:
    """Entities by type in IOB2, the most frequent first."""
    counts = Counter(kind for example in examples for kind, _, _ in entities(example.labels))
    return dict(counts.most_common())


def spread(found: Sequence[Any]) -> list[Any]:
    """FEW of them, from the beginning to the end.

    >>> spread("abcde"), spread("ab")
    (['a', 'c', 'e'], ['a', 'b'])
    """
    if len(found) <= FEW:
        return list(found)
    return [found[round(i * (len(found) - 1) / (FEW - 1))] for i in range(FEW)]


def shortened(text: str, limit: int = LONGEST) -> str:
    """On one line, cut at `limit` characters.

    >>> shortened("a  long text", 7)
    'a long…'
    """
    # Of a text of millions of characters only its beginning is looked at.
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"


def _parts(example: Example, scheme: str | None) -> Iterator[tuple[str, int, int]]:
    """What an example is one of, and which of its words that is said of."""
    if isinstance(example, QuestionExample):
        yield ("with an answer" if example.answers else "without an answer", 0, 0)
    elif isinstance(example, TaggedExample):
        if scheme == "iob2":
            yield from entities(example.labels)
        else:
            yield from ((tag, place, place + 1) for place, tag in enumerate(example.labels))
    else:
        yield from ((label, 0, 0) for label in dict.fromkeys(example.labels) or [""])


def _shown(example: Example, start: int, end: int) -> str:
    if isinstance(example, QuestionExample):
        answer = f" → {shortened(example.answers[0].text, LONGEST // 2)}" if example.answers else ""
        return shortened(example.question) + answer
    if isinstance(example, TaggedExample):
        before, after = max(0, start - WORDS_AROUND), end + WORDS_AROUND
        words = [*example.words[before:start], f"[{' '.join(example.words[start:end])}]", *example.words[end:after]]
        return ("… " if before else "") + shortened(" ".join(words)) + (" …" if after < len(example.words) else "")
    return shortened(example.shown)
