"""CSV and TSV with a line of column names. The delimiter is detected and, where it surprises, said aloud."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from unfreeze.data.columns import LABEL_COLUMNS, TEXT_COLUMNS
from unfreeze.data.examples import Example
from unfreeze.data.findings import DataError, Finding, Problems, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines
from unfreeze.data.table import Table, table_examples

DELIMITERS = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a vertical bar"}
TAB_SUFFIXES = (".tsv", ".tab")
Record = tuple[int, list[str]]  # first line, cells


def read_csv(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Texts and labels from a comma-, tab-, semicolon- or bar-separated file."""
    file = str(path)
    if settings.task == "tagging":
        message = "CSV holds one text and one label a line, not words and tags"
        raise data_error("wrong-format", message, file, advice="Use CoNLL columns or JSON lines, or --format conll.")
    text = read_text(path, settings.encoding, say)
    tab_by_name = path.name.lower().removesuffix(".gz").endswith(TAB_SUFFIXES)
    delimiter = detect_delimiter(text, settings, "\t" if tab_by_name else ",")
    if delimiter != ("\t" if tab_by_name else ","):
        message = f"the columns are separated by {DELIMITERS[delimiter]}, as the first line shows"
        say(Finding("warning", "delimiter", message, file, 1))
    return table_examples(parse_csv(text, delimiter, file, say), settings, say)


def detect_delimiter(text: str, settings: ReadSettings = INFER_ALL, expected: str = ",") -> str:
    r"""The delimiter that splits the first line into known column names, and `expected` where none does.

    >>> detect_delimiter("id;text;label\n1;good, really;pos\n")
    ';'
    """
    first = next((line for line in split_lines(text[:100_000]) if line.strip()), "")
    known = {*TEXT_COLUMNS, *LABEL_COLUMNS}
    known |= {name.strip().casefold() for name in (settings.text_column, settings.label_column) if name}
    scores = {}
    for delimiter in DELIMITERS:
        cells = _cells(first, delimiter)
        names = [cell.strip().casefold() for cell in cells]
        scores[delimiter] = (sum(name in known for name in names) if len(names) > 1 else 0, delimiter == expected)
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best][0] else expected


def parse_csv(text: str, delimiter: str, file: str, say: Say = silent) -> Table:
    """Records as a table. A quote that never closes and rows of another length are errors with their lines."""
    try:
        records = list(_records(text, delimiter, quoted=True))
        widths = {len(cells) for _, cells in records}
    except csv.Error as error:
        # Many TSV files never quote: a text that begins with a quote is just that.
        bad = _bad_quote(text, delimiter, file, error)
        if delimiter != "\t":
            raise bad from error
        records = list(_records(text, delimiter, quoted=False))
        widths = {len(cells) for _, cells in records}
        if len(widths) > 1:
            raise bad from error
        message = "quotes do not pair up, so they are read as part of the texts"
        say(Finding("note", "quotes", message, file, bad.findings[0].line))
    if not records:
        raise data_error("no-examples", "the file has no lines with content", file)
    header = [name.strip() for name in records[0][1]]
    problems = Problems(file)
    rows: list[tuple[int, dict[str, object]]] = []
    for line, cells in records[1:]:
        if len(cells) != len(header):
            message = f"{len(cells)} columns, expected {len(header)} ({', '.join(header)})"
            advice = f"A text that contains {DELIMITERS.get(delimiter, 'the delimiter')} must stand in quotes."
            problems.error("ragged-row", message, line, advice)
        elif len(header) > 1 and [cell.strip() for cell in cells] == header:
            advice = "Were several files joined? Remove this line."
            problems.error("repeated-header", "the column names stand here once more", line, advice)
        else:
            rows.append((line, dict(zip(header, cells, strict=True))))
    problems.stop()
    repeated = {name for name, count in Counter(header).items() if count > 1}
    return Table(file, tuple(header), rows, repeated)


def _records(text: str, delimiter: str, *, quoted: bool) -> Iterator[Record]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with _unlimited_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=quoted)
        first_line = 1
        for cells in reader:
            if cells:
                yield first_line, cells
            first_line = reader.line_num + 1


def _bad_quote(text: str, delimiter: str, file: str, error: csv.Error) -> DataError:
    """Find the record that could not be read, and the quote in it that opens and never closes."""
    line, last = 1, 0
    with _unlimited_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error:
            last = reader.line_num
    if "end of data" in str(error):
        line = _opening_line(text, line)
        message = "a quote opens here and never closes, so the rest of the file would be one text"
    else:
        message = f"the quotes of the row that begins here (and ends on line {last}) do not pair up"
    advice = 'Close the quote; a quote inside a quoted text is written twice (""). '
    return data_error("unclosed-quote", message, file, line, advice.strip())


def _opening_line(text: str, line: int) -> int:
    """The line of the quote that is open at the end of the text, if quotes pair up before `line`."""
    lines = io.StringIO(text, newline="").readlines()
    is_open, opened = False, line
    for number, content in enumerate(lines[line - 1 :], start=line):
        for character in content:
            if character == '"':
                is_open = not is_open
                opened = number if is_open else opened
    return opened


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """The csv module refuses fields of more than 131,072 characters; texts may be longer."""
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _cells(line: str, delimiter: str) -> list[str]:
    """Of one line; none where it is no row of a table (a lone carriage return within it)."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def has_header(line: str) -> bool:
    r"""Does a delimiter split this line into names that include a text and a label column?

    >>> has_header("id\ttext\tlabel"), has_header("good;joy")
    (True, False)
    """
    for delimiter in DELIMITERS:
        cells = _cells(line, delimiter)
        names = {cell.strip().casefold() for cell in cells}
        if names & set(TEXT_COLUMNS) and names & set(LABEL_COLUMNS) and len(names) > 1:
            return True
    return False


def _is_csv(head: Head) -> bool:
    return has_header(head.lines[0])


def _is_tsv(head: Head) -> bool:
    return head.suffix in TAB_SUFFIXES


CSV = Format(read_csv, suffixes=(".csv",), recognises=_is_csv)
# Columns of CoNLL end with .tsv too, so this is asked after them.
TSV = Format(read_csv, shared_suffixes=TAB_SUFFIXES, recognises=_is_tsv)
