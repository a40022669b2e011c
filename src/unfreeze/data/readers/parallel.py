"""Parallel text: a sentence and its translation on each line, with a tab between them."""

from __future__ import annotations

from pathlib import Path

from unfreeze.data.columns import PAIR_COLUMNS
from unfreeze.data.examples import Example, Objective, Origin, PassageExample
from unfreeze.data.findings import Problems, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines

TASK: Objective = "translation-lm"


def read_parallel(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """One pair a line; DataError with every line that has not two columns."""
    file = str(path)
    if settings.task != TASK:
        raise data_error("wrong-format", f"parallel text is for {TASK}", file, advice="Choose another --format.")
    problems = Problems(file)
    examples: list[Example] = []
    for number, line in enumerate(split_lines(read_text(path, settings.encoding, say)), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 2 or not all(columns):
            empty = ", one of them empty" if len(columns) == 2 else ""
            message = f"{len(columns)} columns{empty}, expected a sentence and its translation with a tab between them"
            problems.error("columns", message, number)
            continue
        examples.append(PassageExample(columns[0], TASK, Origin(file, number), columns[1]))
    problems.stop()
    if not examples:
        raise data_error("empty-file", "the file is empty", file)
    return examples


def _is_parallel(head: Head) -> bool:
    first = tuple(column.strip().casefold() for column in head.lines[0].split("\t"))
    named = head.settings.text_column is not None or first in PAIR_COLUMNS  # a table, whose first line names columns
    return head.settings.task == TASK and len(first) > 1 and not named


PARALLEL = Format(read_parallel, shared_suffixes=(".txt", ".tsv"), recognises=_is_parallel)
