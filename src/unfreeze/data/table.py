"""Rows with named columns to examples: what CSV, JSON lines, Parquet, hub and in-memory data have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from unfreeze.data.cells import check_kinds, is_absent, is_missing, kind_of, label_text, plain, report_missing_labels
from unfreeze.data.columns import Columns, choose_columns
from unfreeze.data.examples import Example, Origin, TaggedExample
from unfreeze.data.findings import Finding, Problems, Say, data_error, silent
from unfreeze.data.question_rows import holds_questions, question_examples
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.text_rows import text_examples

ID_COLUMNS = ("id", "idx", "guid", "uid")


@dataclass(frozen=True)
class Table:
    """The rows of one file, each with the line (or row number) at which it begins."""

    file: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[int, Mapping[str, object]]]
    repeated_columns: Collection[str] = ()  # names that occur twice in the header


def table_examples(table: Table, settings: ReadSettings, say: Say = silent) -> list[Example]:
    """One example a row; DataError with every faulty row."""
    if not table.rows:
        found = f" (columns: {', '.join(table.columns)})" if table.columns else ""
        raise data_error("no-examples", f"there are no examples, only a header{found}", table.file)
    if holds_questions(table.columns, settings):
        return question_examples(table.file, table.columns, table.rows, settings, say)
    columns = choose_columns(table.columns, table.rows[0][1], settings, table.file, say)
    for name in (columns.source, columns.pair, columns.target, *columns.flags):
        if name in table.repeated_columns:
            message = f"the column name {name!r} is not unique: {', '.join(table.columns)}"
            raise data_error("repeated-column", message, table.file, advice="Rename or remove one of them.")
    _check_ids(table, say)
    if columns.task == "tagging":
        return _tagged(table, columns, settings, say)
    return text_examples(table.file, columns, table.rows, settings, say)


def _check_ids(table: Table, say: Say) -> None:
    """A column of ids is not read, but ids that occur twice tell that rows do."""
    column = next((name for name in table.columns if name.strip().casefold() in ID_COLUMNS), None)
    if column is None or column in table.repeated_columns:
        return
    first: dict[str, int] = {}
    twice = []
    for line, row in table.rows:
        value = row.get(column)
        if not is_missing(value) and first.setdefault(str(value), line) != line:
            twice.append((line, str(value)))
    if twice:
        line, value = twice[0]
        message = (
            f"{len(twice)} rows have the {column!r} of an earlier one, first {value!r} (also on line {first[value]})"
        )
        say(Finding("warning", "duplicate-id", message, table.file, line, "Were rows, or files, put in twice?"))


def _tagged(table: Table, columns: Columns, settings: ReadSettings, say: Say) -> list[Example]:
    problems = Problems(table.file)
    missing: list[int] = []  # lines
    examples: list[Example] = []
    kinds: dict[str, int] = {}
    for line, row in table.rows:
        words = plain(row.get(columns.source))
        tags = None if columns.target is None else plain(row.get(columns.target))
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            message = f"{columns.source!r} is not a list of words"
            problems.error("not-words", message, line, "For whole texts pass --task classification.")
            continue
        if tags is None:
            missing.append(line)
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
            kinds.setdefault(kind_of(tag), line)
        examples.append(TaggedExample(tuple(words), tuple(map(label_text, tags)), Origin(table.file, line)))
    check_kinds(kinds, columns.target or "", problems)
    if settings.labelled:
        _say_missing_tags(missing, len(table.rows), columns, settings, problems, say)
        examples = [example for example in examples if example.is_labelled]
    problems.stop()
    if not examples:
        raise data_error("no-examples", "no row has tags", table.file)
    return examples


def _say_missing_tags(
    missing: Sequence[int], rows: int, columns: Columns, settings: ReadSettings, problems: Problems, say: Say
) -> None:
    """Rows without tags: a warning where they were to be left out, else an error for each."""
    if settings.drop_missing_labels:
        report_missing_labels(missing, rows, settings, problems, say)
        return
    advice = "One tag a word is needed; --drop-missing-labels leaves such rows out."
    for line in missing:
        problems.error("missing-tags", f"{columns.target!r} is missing", line, advice)
