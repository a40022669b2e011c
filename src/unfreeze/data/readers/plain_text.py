"""Plain text for pretraining: passages with blank lines between them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from unfreeze.data.examples import PRETRAINING, Example, Origin, PassageExample
from unfreeze.data.findings import Finding, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines


def read_plain_text(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """One passage for each block of lines; a file without a blank line has one for each line."""
    file = str(path)
    if settings.task not in PRETRAINING:
        advice = "Pass --format with one of the labelled formats, or pretrain on it with `unfreeze pretrain`."
        raise data_error("no-labels", "plain text has no labels", file, advice=advice)
    lines = [line.strip() for line in split_lines(read_text(path, settings.encoding, say))]
    blocks: list[tuple[int, list[str]]] = []
    by_line = not any(line == "" and after for line, after in pairwise(lines))
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if blocks and not by_line and lines[number - 2]:
            blocks[-1][1].append(line)
        else:
            blocks.append((number, [line]))
    if not blocks:
        raise data_error("empty-file", "the file is empty", file)
    kind = "lines (there is no blank line between any)" if by_line else "blocks of lines, blank lines between them"
    say(Finding("note", "passages", f"{len(blocks):,} passages, which are {kind}", file))
    objective = settings.task
    return [PassageExample("\n".join(block), objective, Origin(file, number)) for number, block in blocks]


def _is_plain(head: Head) -> bool:
    return head.settings.task in PRETRAINING and head.suffix != ".tsv"  # a table


PLAIN_TEXT = Format(read_plain_text, shared_suffixes=(".txt", ".text", ".md"), recognises=_is_plain)
