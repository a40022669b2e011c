"""The format of a file, from its name and its first lines, said aloud."""

from __future__ import annotations

import csv
import json
import zlib
from collections import Counter
from pathlib import Path

from unfreeze.data.columns import LABEL_COLUMNS, TEXT_COLUMNS
from unfreeze.data.findings import DataError, Finding, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers import READERS
from unfreeze.data.readers.conll import DOCUMENT_MARK, split_columns
from unfreeze.data.readers.csv import DELIMITERS
from unfreeze.data.readers.raw_text import GZIP_MAGIC, PARQUET_MAGIC, decode, split_lines

_HEAD_BYTES = 65_536
_BY_SUFFIX = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".conll": "conll",
    ".conll03": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
    ".bioes": "conll",
    ".conllu": "conllu",
}


def infer_format(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> str:
    """A key of READERS. DataError, with the formats there are, if neither name nor content tells."""
    if path.is_dir():
        return "class_folders"
    head = _head(path)
    if head.startswith(PARQUET_MAGIC):
        found, reason = "parquet", "by its content"
    else:
        suffix = Path(path.name.lower().removesuffix(".gz")).suffix
        if suffix in _BY_SUFFIX:
            found, reason = _BY_SUFFIX[suffix], f"by its ending {suffix}"
        else:
            found, reason = _by_content(path, suffix, head, settings), "by its content"
    say(Finding("note", "format", f"format {found}, {reason}", str(path)))
    return found


def _by_content(path: Path, suffix: str, head: bytes, settings: ReadSettings) -> str:
    file = str(path)
    text = _head_text(head, file, settings)
    lines = [line for line in split_lines(text) if line.strip(" \t")]
    if len(head) >= _HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut off by us
    if suffix == ".json" or lines[0].lstrip(" \t").startswith(("{", "[")):
        return _json(text, lines, suffix, file)
    if has_header(lines[0]):
        return "csv"
    if _is_conllu(lines):
        return "conllu"
    if _is_text_label(lines, settings):
        return "text_label"
    if _is_conll(lines):
        return "conll"
    if suffix == ".tsv":
        return "csv"
    if not settings.labelled:
        return "lines"
    raise data_error(
        "unknown-format",
        "the format cannot be told from the name or the content",
        file,
        1,
        f"Pass --format with one of {', '.join(READERS)}.",
    )


def has_header(line: str) -> bool:
    r"""Does a delimiter split this line into names that include a text and a label column?

    >>> has_header("id\ttext\tlabel"), has_header("good;joy")
    (True, False)
    """
    for delimiter in DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        names = {cell.strip().casefold() for cell in cells}
        if names & set(TEXT_COLUMNS) and names & set(LABEL_COLUMNS) and len(names) > 1:
            return True
    return False


def _is_conllu(lines: list[str]) -> bool:
    token_lines = [line for line in lines if not line.startswith("#")]
    whole = [line.split("\t") for line in token_lines]
    return bool(whole) and sum(len(c) == 10 and c[0][:1].isdigit() for c in whole) >= 0.9 * len(whole)


def _is_text_label(lines: list[str], settings: ReadSettings) -> bool:
    labels = [line.rpartition(";")[2].strip() for line in lines if ";" in line]
    if len(labels) < 0.8 * len(lines) or any(len(label) > 60 for label in labels):
        return False
    # Unlabelled lines may contain semicolons too: labels occur again and again.
    return settings.labelled or 2 * len(set(labels)) <= len(labels)


def _is_conll(lines: list[str]) -> bool:
    lines = [line for line in lines if not line.startswith((DOCUMENT_MARK, "# "))]
    if not lines:
        return False
    separator = "\t" if 2 * sum("\t" in line for line in lines) >= len(lines) else None
    columns = [split_columns(line, separator) for line in lines]
    width, count = Counter(map(len, columns)).most_common(1)[0]
    if width < 2 or count < 0.9 * len(lines):
        return False
    with_blanks = sum(" " in row[0] or " " in row[-1] for row in columns if row)
    return with_blanks <= 0.2 * len(columns)  # else the columns hold texts


def _json(text: str, lines: list[str], suffix: str, file: str) -> str:
    start = text.lstrip(" \t\r\n")
    if start.startswith("["):
        return "jsonl"
    if suffix != ".json":
        return "jsonl"
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict) and "data" not in first:
        return "jsonl"
    if '"paragraphs"' in text or '"qas"' in text:
        advice = "Pass data with texts and labels or words and tags."
        raise data_error("question-answering", "the content is question-answering JSON (SQuAD)", file, advice=advice)
    advice = 'Write one object a line, e.g. {"text": "...", "label": "..."}.'
    raise data_error("unknown-format", "this JSON is neither lines of objects nor an array", file, 1, advice)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise data_error("unreadable-file", f"cannot be read: {error.strerror or error}", str(path)) from error
    if head.startswith(GZIP_MAGIC):
        try:
            return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
        except zlib.error as error:
            raise data_error("damaged-gzip", f"the gzip file is damaged ({error})", str(path)) from error
    return head


def _head_text(head: bytes, file: str, settings: ReadSettings) -> str:
    try:
        return decode(head, file, settings.encoding)
    except DataError as error:
        # The head may end inside a character; a fault before that is the file's.
        if error.findings[0].code != "undecodable" or len(head) < _HEAD_BYTES - 4:
            raise
        return decode(head[: head.rfind(b"\n") + 1] or head, file, settings.encoding)
