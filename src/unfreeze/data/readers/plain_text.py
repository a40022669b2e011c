"""Plain text for pretraining: passages with blank lines between them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from unfreeze.data.examples import PRETRAINING, Example, Origin, PassageExample
from unfreeze.data.findings import Finding, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines
from unfreeze.data.sentences import sentences_of

OF_SENTENCES = ("next-sentence", "sentence-order")
MOST_LINES = 32  # of a passage whose sentences are put into pairs, so that a long document is in every split
Block = tuple[int, list[str]]  # the number of the first line, and the lines


def read_plain_text(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """One passage for each block of lines; a file without a blank line has one for each line."""
    file = str(path)
    if settings.task not in PRETRAINING:
        advice = "Pass --format with one of the labelled formats, or pretrain on it with `unfreeze pretrain`."
        raise data_error("no-labels", "plain text has no labels", file, advice=advice)
    lines = [line.strip() for line in split_lines(read_text(path, settings.encoding, say))]
    blocks: list[Block] = []
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
    if settings.task in OF_SENTENCES:
        blocks, kind = _cut(blocks, kind, by_line=by_line)
    say(Finding("note", "passages", f"{len(blocks):,} passages, which are {kind}", file))
    objective = settings.task
    return [PassageExample("\n".join(block), objective, Origin(file, number)) for number, block in blocks]


def _cut(blocks: list[Block], kind: str, *, by_line: bool) -> tuple[list[Block], str]:
    """Blocks of at most `MOST_LINES` lines. Lines of one sentence each, no blank line between any, are one document."""
    if by_line and sum(len(sentences_of(line)) > 1 for _, [line] in blocks) < 0.5 * len(blocks):
        blocks = [(blocks[0][0], [line for _, [line] in blocks])]
        kind = f"parts of {MOST_LINES} lines (there is no blank line, and a line holds one sentence)"
    parts = [
        (number + start, lines[start : start + MOST_LINES])
        for number, lines in blocks
        for start in range(0, len(lines), MOST_LINES)
    ]
    return parts, kind


def _is_plain(head: Head) -> bool:
    return head.settings.task in PRETRAINING and head.suffix != ".tsv"  # a table


PLAIN_TEXT = Format(read_plain_text, shared_suffixes=(".txt", ".text", ".md"), recognises=_is_plain)
