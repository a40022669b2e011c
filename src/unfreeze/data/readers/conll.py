"""CoNLL columns: one word a line, sentences between blank lines, the tag in the last column unless told otherwise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from unfreeze.data.examples import PRETRAINING, Example
from unfreeze.data.findings import Finding, Problems, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings, say_unused_columns
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines
from unfreeze.data.readers.sentences import Sentences

DOCUMENT_MARK = "-DOCSTART-"
_MOST_TAGS = 0.2  # different ones for each line, where the file may be plain text


def read_conll(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Sentences from columns between tabs or blanks. Lines of another column count are errors."""
    file = str(path)
    if settings.task not in (None, "tagging", *PRETRAINING):
        raise data_error("wrong-format", "CoNLL columns hold tagged words, not labelled texts", file)
    say_unused_columns(settings, file, "columns of CoNLL have no names, and --tag-column chooses the tags", say)
    text = read_text(path, settings.encoding, say)
    lines = split_lines(text)
    token_lines = [line for line in lines if line.strip(" \t") and not line.startswith(DOCUMENT_MARK)]
    if not token_lines:
        raise data_error("no-examples", "there are no sentences", file)
    separator = "\t" if 2 * sum("\t" in line for line in token_lines) >= len(token_lines) else None
    width = Counter(len(split_columns(line, separator)) for line in token_lines).most_common(1)[0][0]
    column = _tag_column(settings, width, file)
    sentences = Sentences(file, Problems(file), tagged=column is not None)
    comments = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t") or line.startswith(DOCUMENT_MARK):
            sentences.finish()
            continue
        columns = split_columns(line, separator)
        if len(columns) == width:
            sentences.add(columns[0], "" if column is None else columns[column].strip(" "), number)
        elif line.startswith("# ") and not sentences.words:  # some corpora put "# id 17" above a sentence
            comments += 1
        else:
            advice = "Words and tags must not contain the separator."
            sentences.problems.error("ragged-line", f"{len(columns)} columns, expected {width}", number, advice)
    sentences.finish()
    sentences.problems.stop()
    _check_end(text, sentences, len(lines), say)
    if comments:
        say(Finding("note", "comments", f"{comments} lines that begin with '# ' skipped as comments", file))
    if column is not None and width > 2:
        say(Finding("note", "column", f"tags are read from column {column + 1} of {width}", file))
    return sentences.examples


def _check_end(text: str, sentences: Sentences, last: int, say: Say) -> None:
    """A file that was cut off in a tag ends with one that no other word has."""
    tags = Counter(tag for example in sentences.examples for tag in example.labels)
    ending = sentences.examples[-1].labels[-1:]
    if ending and tags[ending[0]] == 1 and not text.endswith(("\n", "\r")):
        message = f"the last line has no end, and its tag {ending[0]!r} occurs nowhere else: is the file cut off?"
        say(Finding("warning", "cut-off", message, sentences.file, last))


def split_columns(line: str, separator: str | None) -> list[str]:
    r"""Columns between tabs, or between runs of blanks. Other white space, such as U+3000, is part of a word.

    >>> split_columns("New\u00a0York  B-LOC", None)
    ['New\xa0York', 'B-LOC']
    """
    if separator is not None:
        return line.split(separator)
    return [column for column in line.replace("\t", " ").split(" ") if column]


def _tag_column(settings: ReadSettings, width: int, file: str) -> int | None:
    """The index of the tag column, from 0; None for a file of words only."""
    wanted = settings.tag_column
    if wanted is None:
        if width > 1:
            return width - 1
        if not settings.labelled:
            return None
        advice = "Write `word tag` on each line, with a tab or a blank between them."
        raise data_error("no-tags", "every line has one column, so there are no tags", file, advice=advice)
    try:
        number = int(wanted)
    except ValueError:
        number = 0
    index = number - 1 if number > 0 else width + number
    if number == 0 or not 0 < index < width:
        if not settings.labelled and width == 1:
            return None
        message = f"tag column {wanted!r} does not exist: the lines have {width} columns"
        advice = f"Pass --tag-column with a number from 2 to {width}, or -1 for the last."
        raise data_error("no-tag-column", message, file, advice=advice)
    return index


def _is_conll(head: Head) -> bool:
    lines = [line for line in head.lines if not line.startswith((DOCUMENT_MARK, "# "))]
    if not lines:
        return False
    separator = "\t" if 2 * sum("\t" in line for line in lines) >= len(lines) else None
    rows = [split_columns(line, separator) for line in lines]
    width, count = Counter(map(len, rows)).most_common(1)[0]
    if width < 2 or count < 0.9 * len(lines):
        return False
    if head.settings.task in PRETRAINING and len({row[-1] for row in rows if row}) > _MOST_TAGS * len(rows):
        return False  # plain text, whose last words are many
    with_blanks = sum(" " in row[0] or " " in row[-1] for row in rows if row)
    return with_blanks <= 0.2 * len(rows)  # else the columns hold texts


CONLL = Format(
    read_conll,
    suffixes=(".conll", ".conll03", ".iob", ".iob2", ".bio", ".bioes"),
    shared_suffixes=(".txt", ".tsv"),
    recognises=_is_conll,
)
