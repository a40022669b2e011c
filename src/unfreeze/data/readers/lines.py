"""Plain lines, one text each, without labels: for prediction."""

from __future__ import annotations

from pathlib import Path

from unfreeze.data.examples import Example, Origin, TaggedExample, TextExample
from unfreeze.data.findings import Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines


def read_lines(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """One text a line, or for tagging one sentence a line with blanks between the words."""
    file = str(path)
    if settings.labelled:
        advice = "Pass --format with one of the labelled formats."
        raise data_error("no-labels", "plain lines have no labels", file, advice=advice)
    examples: list[Example] = []
    for number, line in enumerate(split_lines(read_text(path, settings.encoding, say)), start=1):
        if not line.strip(" \t"):
            continue
        origin = Origin(file, number)
        if settings.task == "tagging":
            words = tuple(word for word in line.replace("\t", " ").split(" ") if word)
            examples.append(TaggedExample(words, None, origin))
        else:
            examples.append(TextExample(line, None, origin))
    return examples


def _is_lines(head: Head) -> bool:
    return not head.settings.labelled


LINES = Format(read_lines, shared_suffixes=(".txt",), recognises=_is_lines)
