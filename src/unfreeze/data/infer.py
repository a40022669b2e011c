"""The format of a file, from its name and its first lines, said aloud. What a format looks like, its reader knows."""

from __future__ import annotations

import zlib
from pathlib import Path

from unfreeze.data.findings import DataError, Finding, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers import FORMATS
from unfreeze.data.readers.format import Head
from unfreeze.data.readers.raw_text import GZIP_MAGIC, decode, split_lines

_HEAD_BYTES = 65_536


def infer_format(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> str:
    """A key of FORMATS. DataError, with the formats there are, if neither name nor content tells."""
    if path.is_dir():
        return format_of_folder(path) or "class_folders"
    found, reason = _of_file(path, settings)
    say(Finding("note", "format", f"format {found}, {reason}", str(path)))
    return found


def format_of_folder(folder: Path) -> str | None:
    """The format that is not a file but a folder of this layout, such as one folder for each class."""
    return next((name for name, format in FORMATS.items() if format.recognises_folder(folder)), None)


def known_suffixes() -> tuple[str, ...]:
    """The endings of files that some format may read."""
    return tuple(
        dict.fromkeys(suffix for format in FORMATS.values() for suffix in (*format.suffixes, *format.shared_suffixes))
    )


def _of_file(path: Path, settings: ReadSettings) -> tuple[str, str]:
    content = _head(path)
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    for name, format in FORMATS.items():
        if format.magic is not None and content.startswith(format.magic):
            return name, "by its content"
    for name, format in FORMATS.items():
        if suffix in format.suffixes:
            return name, f"by its ending {suffix}"
    cut = len(content) >= _HEAD_BYTES or path.stat().st_size > _HEAD_BYTES  # by us
    text = _head_text(content, cut, str(path), settings)
    lines = [line for line in split_lines(text) if line.strip(" \t")]
    if cut and len(lines) > 1:
        lines.pop()
    head = Head(str(path), suffix, text, lines, settings)
    for name, format in FORMATS.items():
        if format.recognises(head):
            return name, "by its content"
    message = "the format cannot be told from the name or the content"
    raise data_error("unknown-format", message, str(path), 1, f"Pass --format with one of {', '.join(FORMATS)}.")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise data_error("unreadable-file", f"cannot be read: {error.strerror or error}", str(path)) from error
    return _unpacked(head, str(path)) if head.startswith(GZIP_MAGIC) else head


def _unpacked(packed: bytes, file: str) -> bytes:
    """The head of what a gzip file holds, which may be packed in several parts."""
    head = b""
    while packed and len(head) < _HEAD_BYTES:
        part = zlib.decompressobj(wbits=31)
        try:
            head += part.decompress(packed, _HEAD_BYTES - len(head))
        except zlib.error as error:
            if head:  # a fault behind the first part is for the reader to find
                break
            raise data_error("damaged-gzip", f"the gzip file is damaged ({error})", file) from error
        packed = part.unused_data
    return head


def _head_text(head: bytes, cut: bool, file: str, settings: ReadSettings) -> str:
    try:
        return decode(head, file, settings.encoding)
    except DataError as error:
        # The head may end inside a character; a fault before that is the file's.
        if error.findings[0].code != "undecodable" or not cut:
            raise
        return decode(head[: head.rfind(b"\n") + 1] or head, file, settings.encoding)
