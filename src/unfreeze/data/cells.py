"""What a cell of a table may hold: nothing, a text, a label in one of many spellings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from unfreeze.data.findings import Finding, Problems, Say
from unfreeze.data.read_settings import ReadSettings

# As pandas writes and reads missing values. "none" is not here: it is the name of a class in several corpora.
MISSING = frozenset({"", "nan", "-nan", "na", "n/a", "#n/a", "<na>", "null"})


def is_missing(value: object) -> bool:
    """Does this cell hold no label?

    >>> [is_missing(v) for v in (None, float("nan"), "NaN", " ", "none", 0)]
    [True, True, True, True, False, False]
    """
    if isinstance(value, str):
        return value.strip().casefold() in MISSING
    return is_absent(value)


def is_absent(value: object) -> bool:
    """Is this cell None, NaN or pandas' NA? An empty string is not."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"


def check_kinds(kinds: Mapping[str, int], column: str, problems: Problems) -> None:
    """Labels of one type, each a single one; errors go to `problems`. `kinds`: as `kind`, to the first line."""
    for kind in ("a list", "an object"):
        if kind in kinds:
            message = f"{column!r} holds {kind}, expected one label"
            advice = "If every text has a list of labels, pass --task multi-label."
            problems.error("not-a-label", message, kinds[kind], advice)
    scalar = {kind: line for kind, line in kinds.items() if kind not in ("a list", "an object")}
    if scalar.keys() <= {"an integer", "a real number"}:
        return
    if len(scalar) > 1:
        places = ", ".join(f"{kind} (first on line {line})" for kind, line in scalar.items())
        problems.error(
            "mixed-label-types",
            f"{column!r} holds labels of different types: {places}",
            list(scalar.values())[1],
            'Write all labels the same way: 1, "1" and true would become different classes.',
        )


def report_missing_labels(
    missing: Sequence[int], rows: int, settings: ReadSettings, problems: Problems, say: Say
) -> None:
    """Rows without a label: an error, or a warning if they were to be dropped; nothing for prediction."""
    if not missing or not settings.labelled:
        return
    shown = ", ".join(map(str, missing[:20])) + (", ..." if len(missing) > 20 else "")
    message = f"{len(missing)} of {rows} rows have no label: line{'s' if len(missing) > 1 else ''} {shown}"
    if settings.drop_missing_labels:
        say(Finding("warning", "missing-labels", f"{message}; dropped, as asked", problems.file, missing[0]))
    else:
        advice = "Add the labels, or pass --drop-missing-labels to leave these rows out."
        problems.error("missing-labels", message, missing[0], advice)


def plain(value: object) -> object:
    """NumPy scalars and arrays, and tuples, to what JSON knows."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return list(value) if isinstance(value, tuple) else value


def kind_of(value: object) -> str:
    names: dict[type, str] = {bool: "true or false", int: "an integer", float: "a real number", str: "a string"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, dict) else type(value).__name__


def label_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
