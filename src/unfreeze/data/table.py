"""Rows with named columns to examples: what CSV, JSON lines, Parquet, hub and in-memory data have in common."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from unfreeze.data.columns import Columns, choose_columns
from unfreeze.data.examples import Example, Origin, TaggedExample, TextExample
from unfreeze.data.findings import Finding, Problems, Say, data_error, silent
from unfreeze.data.read_settings import ReadSettings

# As pandas writes and reads missing values. "none" is not here: it is the name of a class in several corpora.
MISSING = frozenset({"", "nan", "-nan", "na", "n/a", "#n/a", "<na>", "null"})


@dataclass(frozen=True)
class Table:
    """The rows of one file, each with the line (or row number) at which it begins."""

    file: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[int, Mapping[str, object]]]
    repeated_columns: Collection[str] = ()  # names that occur twice in the header


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


def table_examples(table: Table, settings: ReadSettings, say: Say = silent) -> list[Example]:
    """One example a row; DataError with every faulty row."""
    if not table.rows:
        found = f" (columns: {', '.join(table.columns)})" if table.columns else ""
        raise data_error("no-examples", f"there are no examples, only a header{found}", table.file)
    columns = choose_columns(table.columns, table.rows[0][1], settings, table.file, say)
    for name in (columns.source, columns.target):
        if name in table.repeated_columns:
            message = f"the column name {name!r} is not unique: {', '.join(table.columns)}"
            raise data_error("repeated-column", message, table.file, advice="Rename or remove one of them.")
    if columns.task == "tagging":
        return _tagged(table, columns, settings)
    return _texts(table, columns, settings, say)


def _texts(table: Table, columns: Columns, settings: ReadSettings, say: Say) -> list[Example]:
    problems = Problems(table.file)
    examples: list[Example] = []
    missing: list[int] = []
    kinds: dict[str, int] = {}  # kind of label -> first line
    for line, row in table.rows:
        text = row.get(columns.source)
        if is_absent(text):
            text = ""
        if not isinstance(text, (str, int, float)):
            message = f"{columns.source!r} holds {_kind(text)}, expected a text"
            problems.error("not-a-text", message, line, "For lists of words pass --task tagging.")
            continue
        label = None
        if columns.target is not None:
            value = _plain(row.get(columns.target))
            if is_missing(value):
                missing.append(line)
                if settings.labelled and settings.drop_missing_labels:
                    continue
            else:
                kinds.setdefault(_kind(value), line)
                label = _label_text(value)
        examples.append(TextExample(str(text), label, Origin(table.file, line)))
    if columns.target is not None and settings.labelled:
        _check_kinds(kinds, columns.target, problems)
        report_missing_labels(missing, len(table.rows), settings, problems, say)
    problems.stop()
    if not examples:
        raise data_error("no-examples", "no row has a label", table.file)
    return examples


def _check_kinds(kinds: Mapping[str, int], column: str, problems: Problems) -> None:
    for kind in ("a list", "an object"):
        if kind in kinds:
            message = f"{column!r} holds {kind}, expected one label"
            problems.error("not-a-label", message, kinds[kind], "Several labels a text are not supported.")
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


def _tagged(table: Table, columns: Columns, settings: ReadSettings) -> list[Example]:
    problems = Problems(table.file)
    examples: list[Example] = []
    kinds: dict[str, int] = {}
    for line, row in table.rows:
        words = _plain(row.get(columns.source))
        tags = None if columns.target is None else _plain(row.get(columns.target))
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            message = f"{columns.source!r} is not a list of words"
            problems.error("not-words", message, line, "For whole texts pass --task classification.")
            continue
        if tags is None:
            if settings.labelled:
                problems.error("missing-tags", f"{columns.target!r} is missing", line, "One tag a word is needed.")
            else:
                examples.append(TaggedExample(tuple(words), None, Origin(table.file, line)))
            continue
        if not isinstance(tags, list):
            problems.error("not-tags", f"{columns.target!r} is not a list of tags", line)
            continue
        if len(words) != len(tags):
            message = f"{len(words)} words but {len(tags)} tags"
            problems.error("length-mismatch", message, line, "Every word needs exactly one tag.")
            continue
        if any(is_absent(tag) or (isinstance(tag, str) and not tag.strip()) for tag in tags):
            problems.error("missing-tags", "a tag is missing or empty", line, "One tag a word is needed.")
            continue
        for tag in tags:
            kinds.setdefault(_kind(tag), line)
        examples.append(TaggedExample(tuple(words), tuple(map(_label_text, tags)), Origin(table.file, line)))
    _check_kinds(kinds, columns.target or "", problems)
    problems.stop()
    return examples


def _plain(value: object) -> object:
    """NumPy scalars and arrays, and tuples, to what JSON knows."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _kind(value: object) -> str:
    names: dict[type, str] = {bool: "true or false", int: "an integer", float: "a real number", str: "a string"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, dict) else type(value).__name__


def _label_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
