"""SQuAD 1.1 and 2.0 JSON: articles of paragraphs, each with a context and questions about it."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from unfreeze.data.examples import PRETRAINING, Example
from unfreeze.data.findings import Say, data_error, silent
from unfreeze.data.questions import Questions
from unfreeze.data.read_settings import INFER_ALL, ReadSettings, say_unused_columns
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.json_text import parse_json
from unfreeze.data.readers.raw_text import read_text

_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9]+)')


def read_squad(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Questions with their contexts; `plausible_answers` of unanswerable ones are never read."""
    file = str(path)
    if settings.task not in (None, "question-answering", *PRETRAINING):
        advice = "Pass --task question-answering, or other data."
        raise data_error("wrong-task", f"SQuAD files are not for {settings.task}", file, advice=advice)
    say_unused_columns(settings, file, "SQuAD files have no columns", say)
    text = read_text(path, settings.encoding, say)
    questions = Questions(file, settings, say)
    content = parse_json(text, file)
    lines = _lines_of_ids(text)
    for row, context in _rows(content, file):
        known = lines.get(str(row.get("id")))
        questions.add(row, context, known.popleft() if known else None)
    examples = questions.finish()
    if not examples:
        raise data_error("no-examples", "this SQuAD file is empty: there are no questions in it", file)
    return list(examples)


def _lines_of_ids(text: str) -> dict[str, deque[int]]:
    """Where in the file each id stands, as often as it does: a parsed file no longer knows."""
    found: dict[str, deque[int]] = {}
    line, counted = 1, 0
    for match in _ID.finditer(text):
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        with suppress(ValueError):  # half a letter, or too many digits
            found.setdefault(str(json.loads(match[1])), deque()).append(line)
    return found


def _rows(content: Any, file: str) -> Iterator[tuple[Mapping[str, Any], object]]:
    articles = content.get("data") if isinstance(content, Mapping) else None
    for a, article in enumerate(_listed(articles, "data", file)):
        for p, paragraph in enumerate(_listed(_key(article, "paragraphs"), f"data[{a}].paragraphs", file)):
            where = f"data[{a}].paragraphs[{p}].qas"
            for q, row in enumerate(_listed(_key(paragraph, "qas"), where, file)):
                if not isinstance(row, Mapping):
                    raise data_error("bad-squad", f"{where}[{q}] is not an object", file)
                yield row, _key(paragraph, "context")


def _key(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _listed(value: Any, where: str, file: str) -> list[Any]:
    if not isinstance(value, list):
        advice = 'SQuAD files hold {"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}.'
        raise data_error("bad-squad", f"{where} is missing or no list", file, advice=advice)
    return value


def _is_squad(head: Head) -> bool:
    if not head.text.lstrip(" \t\r\n").startswith("{"):
        return False
    if head.suffix == ".json" and _is_empty(head.text):
        return True  # so that it is called empty, and not a file of an unknown format
    return '"data"' in head.text and ('"paragraphs"' in head.text or '"qas"' in head.text)


def _is_empty(text: str) -> bool:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("data") == []


SQUAD = Format(read_squad, shared_suffixes=(".json",), recognises=_is_squad)
