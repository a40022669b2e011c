"""What is odd about the texts and words themselves: empty, very long, invisible or undecodable characters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from unfreeze.data.examples import Example
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding

VERY_LONG_CHARACTERS = 50_000
# Control characters but tab and line ends; marks that reorder text; characters without width. Not the joiners of emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_texts(splits: Mapping[str, Sequence[Example]]) -> Iterator[Finding]:
    """Findings about the characters, a split at a time."""
    for split, examples in splits.items():
        yield from _check_split(split, examples)


def _check_split(split: str, examples: Sequence[Example]) -> Iterator[Finding]:
    empty: list[Example] = []
    long: list[Example] = []
    broken: list[Example] = []
    invisible: list[Example] = []
    signs: Counter[str] = Counter()
    for example in examples:
        text = example.shown
        if not text.strip():
            empty.append(example)
        if len(text) > VERY_LONG_CHARACTERS:
            long.append(example)
        if not text.isascii() and _SURROGATE.search(text):
            broken.append(example)
        found = _INVISIBLE.findall(text)
        if found:
            invisible.append(example)
            signs.update(found)
    if empty:
        message = f"{_count(empty, examples)} of {split} have an empty text ({_lines(empty)})"
        yield finding_at(empty[0], "warning", "empty-texts", message)
    if long:
        message = f"{_count(long, examples)} of {split} have more than {VERY_LONG_CHARACTERS:,} characters"
        yield finding_at(long[0], "warning", "long-texts", message, "What exceeds --max-length is cut off and counted.")
    if broken:
        message = f"{_count(broken, examples)} of {split} contain half of a surrogate pair, which is not text"
        yield finding_at(broken[0], "error", "surrogates", message, "Correct the \\uD8.. escapes of the file.")
    if invisible:
        shown = ", ".join(f"{_name(sign)}: {count}" for sign, count in signs.most_common(10))
        message = f"{_count(invisible, examples)} of {split} contain control or invisible characters ({shown})"
        yield finding_at(invisible[0], "warning", "control-characters", message)


def _count(found: Sequence[Example], examples: Sequence[Example]) -> str:
    return f"{len(found)} of {len(examples)} examples"


def _lines(found: Sequence[Example]) -> str:
    numbers = [str(example.origin.line) for example in found[:10] if example.origin and example.origin.line]
    return f"line{'s' if len(found) > 1 else ''} {', '.join(numbers)}{', ...' if len(found) > 10 else ''}"


def _name(sign: str) -> str:
    """A code point by number and name, so that a message never carries the character itself."""
    name = unicodedata.name(sign, "")
    return f"U+{ord(sign):04X} {name}".strip()
