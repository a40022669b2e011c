"""Tag schemes: the same entities in every scheme, and IOB2 after conversion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.data.tag_schemes import invalid_transitions, recognise, to_iob2

Entity = tuple[str, int]  # type (or O) and number of words
ENTITIES = st.lists(st.tuples(st.sampled_from(["O", "PER", "LOC"]), st.integers(1, 3)), min_size=1, max_size=8)


def iob2(entities: list[Entity]) -> list[str]:
    return [t if t == "O" else f"{'I' if i else 'B'}-{t}" for t, n in entities for i in range(n)]


def iob1(entities: list[Entity]) -> list[str]:
    tags, previous = [], "O"
    for kind, length in entities:
        first = "B" if kind == previous else "I"
        tags += ["O"] * length if kind == "O" else [f"{first}-{kind}", *[f"I-{kind}"] * (length - 1)]
        previous = kind
    return tags


def marked(entities: list[Entity], single: str, inside: str, last: str) -> list[str]:
    tags: list[str] = []
    for kind, length in entities:
        if kind == "O":
            tags += ["O"] * length
        elif length == 1:
            tags.append(f"{single}-{kind}")
        else:
            tags += [f"B-{kind}", *[f"{inside}-{kind}"] * (length - 2), f"{last}-{kind}"]
    return tags


@given(ENTITIES)
def test_every_scheme_becomes_the_same_iob2(entities: list[Entity]) -> None:
    expected = tuple(iob2(entities))
    assert to_iob2(iob1(entities), "iob1") == expected
    assert to_iob2(marked(entities, "S", "I", "E"), "bioes") == expected
    assert to_iob2(marked(entities, "U", "I", "L"), "bioes") == expected
    assert to_iob2(marked(entities, "S", "M", "E"), "bioes") == expected
    assert to_iob2(expected, "iob2") == expected
    assert invalid_transitions(expected) == 0


@given(ENTITIES)
def test_schemes_are_recognised(entities: list[Entity]) -> None:
    if all(kind == "O" for kind, _ in entities):
        return
    assert recognise([iob2(entities)]) == "iob2"
    with_single = [*entities, ("O", 1), ("PER", 1)]
    assert recognise([iob1(with_single)]) == "iob1"
    assert recognise([marked(with_single, "S", "I", "E")]) == "bioes"
    assert recognise([marked(with_single, "U", "I", "L")]) == "bioes"


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["NOUN", "VERB"], "plain"),
        (["B-X", "VERB"], "plain"),
        (["O", "O"], "plain"),
        (["I-PER", "O", "B-ORG", "I-LOC"], "iob2"),
        (["L-BRACKET", "O"], "plain"),
    ],
)
def test_what_is_no_clear_scheme(tags: list[str], scheme: str) -> None:
    assert recognise([tags]) == scheme
