"""Several labels of one text: a list, names with something between them, or a column of 0 and 1 for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SEPARATOR = ","
YES, NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no", ""})


def names_in_cell(value: object, separator: str | None) -> tuple[str, ...]:
    """The labels of one cell, in their order, each once. An empty cell holds none.

    Raises:
        ValueError: the cell is something else; the message says what.

    >>> names_in_cell("joy, love", None), names_in_cell(["joy", 3], None), names_in_cell("", None)
    (('joy', 'love'), ('joy', '3'), ())
    >>> names_in_cell(3.0, None)
    ('3',)
    """
    if isinstance(value, str):
        value = [part for part in value.split(separator or SEPARATOR) if part.strip()]
    elif isinstance(value, float) and value.is_integer():  # a whole number beside empty cells
        value = [int(value)]
    elif isinstance(value, bool | int):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(one, str | int) for one in value):
        raise ValueError("expected a list of labels, or their names in one text")
    return tuple(dict.fromkeys(str(one).strip() for one in value))


def names_in_columns(row: Mapping[str, object], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that say yes.

    Raises:
        ValueError: a cell says neither yes nor no.

    >>> names_in_columns({"toxic": 1, "threat": "0"}, ["toxic", "threat"])
    ('toxic',)
    """
    found = []
    for column in columns:
        cell = str(row.get(column)).strip().casefold()
        if cell in YES:
            found.append(column)
        elif cell not in NO:
            raise ValueError(f"{column!r} holds {row.get(column)!r}, expected 1 or 0")
    return tuple(found)
