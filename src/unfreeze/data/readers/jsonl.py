"""JSON lines: one object a line, for texts (text, label) as for words (tokens, tags)."""

from __future__ import annotations

import json
from pathlib import Path

from unfreeze.data.examples import PRETRAINING, Example
from unfreeze.data.findings import Finding, Problems, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.json_text import once, parse_json
from unfreeze.data.readers.raw_text import read_text, split_lines
from unfreeze.data.table import Table, table_examples


def read_jsonl(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Examples from JSON lines, or from one JSON array of objects."""
    text = read_text(path, settings.encoding, say)
    file = str(path)
    is_array = text.lstrip(" \t\r\n").startswith("[")
    rows = _array(text, file, say) if is_array else _lines(text, file)
    columns = tuple(dict.fromkeys(name for _, row in rows for name in row))
    return table_examples(Table(file, columns, rows), settings, say)


def _lines(text: str, file: str) -> list[tuple[int, dict[str, object]]]:
    problems = Problems(file)
    rows = []
    for number, line in enumerate(split_lines(text), start=1):
        if not line.strip(" \t\r"):
            continue
        try:
            row = json.loads(line, object_pairs_hook=once)
        except (ValueError, RecursionError) as error:
            problems.error("broken-json", f"not valid JSON: {error}", number, "Is the line cut off?")
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            message = f"expected one JSON object a line, found {type(row).__name__}"
            problems.error("not-an-object", message, number)
    problems.stop()
    return rows


def _array(text: str, file: str, say: Say) -> list[tuple[int, dict[str, object]]]:
    rows = parse_json(text, file)
    problems = Problems(file)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            problems.error("not-an-object", f"element {number} of the array is not an object")
    problems.stop()
    say(Finding("note", "format", "read as one JSON array; line numbers count its elements", file))
    return list(enumerate(rows, start=1))


def _is_json(head: Head) -> bool:
    if head.suffix != ".json":
        begins = head.lines[0].lstrip(" \t").startswith(("{", "["))
        # Plain text may begin with a bracket as well.
        return begins and (head.settings.task not in PRETRAINING or head.text.lstrip().startswith(('{"', "[{")))
    if head.text.lstrip(" \t\r\n").startswith("["):
        return True
    try:
        first = json.loads(head.lines[0])
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict) and "data" not in first:
        return True
    advice = 'Write one object a line, e.g. {"text": "...", "label": "..."}.'
    raise data_error("unknown-format", "this JSON is neither lines of objects nor an array", head.file, 1, advice)


JSONL = Format(read_jsonl, suffixes=(".jsonl", ".ndjson"), shared_suffixes=(".json",), recognises=_is_json)
