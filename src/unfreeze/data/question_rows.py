"""Rows of a table that hold questions, as the SQuAD sets of the hub do: id, question, context, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unfreeze.data.examples import Example
from unfreeze.data.findings import Finding, Say, data_error
from unfreeze.data.questions import Questions
from unfreeze.data.read_settings import ReadSettings

NEEDED = ("question", "context")
Rows = Sequence[tuple[int, Mapping[str, object]]]


def holds_questions(columns: Sequence[str], settings: ReadSettings) -> bool:
    """Was this task asked for, or do the columns say so?"""
    if settings.task is not None:
        return settings.task == "question-answering"
    return {*NEEDED, "answers"} <= set(columns) and settings.text_column is None and settings.label_column is None


def question_examples(file: str, columns: Sequence[str], rows: Rows, settings: ReadSettings, say: Say) -> list[Example]:
    """One question a row; DataError with every fault."""
    lacking = [name for name in NEEDED if name not in columns]
    if lacking:
        message = f"no column {' and '.join(map(repr, lacking))}; columns found: {', '.join(columns)}"
        advice = "Questions are read from id, question, context and answers ({text: [...], answer_start: [...]})."
        raise data_error("no-question-column", message, file, advice=advice)
    say(Finding("note", "task", "rows hold questions and contexts: the task is question answering", file))
    collected = Questions(file, settings, say)
    for line, row in rows:
        context = row.get("context")
        collected.add({name: row.get(name) for name in ("id", "question", "answers", "is_impossible")}, context, line)
    return list(collected.finish())
