"""Tag schemes of entities: recognise IOB1, IOB2, BIOES and plain tags, convert to IOB2, count what is invalid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

Scheme: TypeAlias = Literal["iob1", "iob2", "bioes", "plain"]
Tags: TypeAlias = Sequence[str]

_PREFIXED = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)
_AS_IOB = {"S": "B", "U": "B", "E": "I", "L": "I", "M": "I"}


def recognise(sentences: Iterable[Tags]) -> Scheme:
    """The scheme of gold tags. `bioes` stands for all schemes that mark single or last words (BILOU, BMES).

    >>> recognise([["B-PER", "I-PER", "O"]]), recognise([["I-PER", "O"]]), recognise([["NOUN", "VERB"]])
    ('iob2', 'iob1', 'plain')
    """
    prefixes: set[str] = set()
    opened_by_b = 0
    for tags in sentences:
        previous = "O"
        for tag in tags:
            if tag != "O":
                match = _PREFIXED.fullmatch(tag)
                if match is None:
                    return "plain"
                prefixes.add(match[1])
                opened_by_b += match[1] == "B" and entity_type(previous) != match[2]
            previous = tag
    if not prefixes:
        return "plain"
    if prefixes - {"B", "I"}:
        # Entity tags mark where entities begin; without B or S these are names that happen to have a hyphen.
        return "bioes" if prefixes & {"B", "S", "U"} else "plain"
    return "iob2" if opened_by_b else "iob1"


def to_iob2(tags: Tags, scheme: Scheme) -> tuple[str, ...]:
    """The same entities in IOB2. Tags that already are IOB2 or plain stay as they are, valid or not.

    >>> to_iob2(["I-PER", "I-PER", "B-PER", "O"], "iob1")
    ('B-PER', 'I-PER', 'B-PER', 'O')
    >>> to_iob2(["S-LOC", "B-PER", "E-PER"], "bioes")
    ('B-LOC', 'B-PER', 'I-PER')
    """
    if scheme in ("iob2", "plain"):
        return tuple(tags)
    converted: list[str] = []
    open_type: str | None = None
    for tag in tags:
        match = _PREFIXED.fullmatch(tag)
        if match is None:
            converted.append(tag)
            open_type = None
            continue
        prefix, name = match.groups()
        continues = open_type == name and prefix in ("I", "E", "L", "M")
        converted.append(f"{'I' if continues else 'B'}-{name}")
        open_type = None if prefix in ("S", "U", "E", "L") else name
    return tuple(converted)


def invalid_transitions(tags: Tags) -> int:
    """How often I-X follows neither B-X nor I-X: invalid in IOB2, where scorers begin an entity all the same.

    >>> invalid_transitions(["I-PER", "I-PER", "O", "B-ORG", "I-LOC"])
    2
    """
    count = 0
    previous = "O"
    for tag in tags:
        count += tag.startswith("I-") and entity_type(previous) != tag[2:]
        previous = tag
    return count


def invalid_marks(tags: Tags) -> int:
    """How often tags that mark single and last words (BIOES, BILOU, BMES) leave an entity open, or go on with none.

    >>> invalid_marks(["S-PER", "B-LOC", "I-LOC", "E-LOC"]), invalid_marks(["B-LOC", "O", "E-PER"])
    (0, 2)
    """
    count = 0
    open_type: str | None = None
    for tag in tags:
        match = _PREFIXED.fullmatch(tag)
        prefix, name = match.groups() if match else ("O", None)
        count += open_type != (name if prefix in ("I", "M", "E", "L") else None)
        open_type = name if prefix in ("B", "I", "M") else None
    return count + (open_type is not None)


def strays(tags: Iterable[str]) -> list[str]:
    """The tags that are no entity tags, among tags most of which are: `o`, `B_PER` or `B-`.

    >>> strays(["O", "B-PER", "I-PER", "B_LOC"]), strays(["NOUN", "X"]), strays(["NP", "O"])
    (['B_LOC'], [], [])
    """
    distinct = set(tags)
    odd = sorted(tag for tag in distinct if tag != "O" and not _PREFIXED.fullmatch(tag))
    entities = sum(tag.startswith(("B-", "I-", "S-", "E-")) and tag not in odd for tag in distinct)
    return odd if "O" in distinct and entities > len(odd) else []


def entities(tags: Tags) -> Iterator[tuple[str, int, int]]:
    """Type, first word and the word after the last of each entity in IOB2; one whose B- is missing begins with its I-.

    >>> list(entities(["B-PER", "I-PER", "O", "I-LOC"]))
    [('PER', 0, 2), ('LOC', 3, 4)]
    """
    start, kind = 0, None
    for place, tag in enumerate([*tags, "O"]):
        found = entity_type(tag)
        if kind is not None and (found != kind or tag.startswith("B-")):
            yield kind, start, place
            kind = None
        if kind is None and found is not None:
            start, kind = place, found


def entity_type(tag: str) -> str | None:
    """The type without its prefix; None for `O`.

    >>> entity_type("B-PER"), entity_type("O")
    ('PER', None)
    """
    match = _PREFIXED.fullmatch(tag)
    return match[2] if match else None
