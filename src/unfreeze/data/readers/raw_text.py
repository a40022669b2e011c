"""Bytes of a file to text: gzip, byte order marks, encodings, and contents that are no data at all."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from unfreeze.data.findings import DataError, Finding, Say, data_error, silent

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
_BINARY_CONTENTS = {
    b"PK\x03\x04": "a zip archive (or an Excel file)",
    b"PK\x05\x06": "an empty zip archive",
    PARQUET_MAGIC: "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    GZIP_MAGIC: "a gzip archive inside a gzip archive",
    b"\x93NUMPY": "a NumPy array",
    **{bytes([0x80, version]): "a Python pickle, which is never opened" for version in range(2, 6)},
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_TAR_MARK, _TAR_PLACE = b"ustar", 257
_UTF16_UTF32_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_bytes(path: Path) -> bytes:
    """The content of a file, decompressed if it is gzip; DataError if it is damaged or not there."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise data_error("unreadable-file", f"cannot be read: {reason}", str(path)) from error
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise data_error(
            "damaged-gzip",
            f"the gzip file is damaged or cut off ({error})",
            str(path),
            advice="Download or copy it again; what could be read is not used.",
        ) from error


def read_text(path: Path, encoding: str | None = None, say: Say = silent) -> str:
    """The text of a file: UTF-8, or what its byte order mark or `encoding` says. A leading mark is removed.

    Raises DataError for empty files, undecodable bytes and contents that are not text data.
    """
    return decode(read_bytes(path), str(path), encoding, say)


def decode(content: bytes, file: str, encoding: str | None = None, say: Say = silent) -> str:
    """Bytes to text as `read_text` does, for bytes that are already in memory."""
    _refuse_other_contents(content, file)
    if encoding is None:
        encoding = "utf-8"
        for mark, name in _UTF16_UTF32_MARKS:
            if content.startswith(mark):
                encoding = name
                message = f"decoded as {name.upper()}, as its byte order mark says, not as UTF-8"
                say(Finding("warning", "encoding-by-mark", message, file))
                break
        if encoding == "utf-8" and content.count(0) > 0.2 * len(content):
            raise data_error(
                "not-text",
                "every other byte is null: UTF-16 without a byte order mark, or not a text file",
                file,
                advice="Try --encoding utf-16-le.",
            )
    try:
        text = content.decode(encoding)
    except LookupError as error:
        raise data_error(
            "unknown-encoding",
            f"unknown encoding {encoding!r}",
            file,
            advice="Use a name that Python knows, e.g. --encoding latin-1, cp1252 or utf-16.",
        ) from error
    except UnicodeDecodeError as error:
        raise _undecodable(error, content, file, encoding) from error
    text = text.removeprefix("\ufeff")
    if not text.strip(" \t\r\n"):
        raise data_error("empty-file", "the file is empty", file, advice="Check how it was written or copied.")
    return text


def split_lines(text: str) -> list[str]:
    r"""Lines without their ends. Only LF, CRLF and (in files without LF) CR end a line.

    `str.splitlines` would also split at U+2028, U+0085 and six others, which occur inside real texts.

    >>> split_lines("a\u2028b\r\nc\n")
    ['a\u2028b', 'c']
    """
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line[:-1] if line.endswith("\r") else line for line in lines]


def _refuse_other_contents(content: bytes, file: str) -> None:
    if not content:
        raise data_error("empty-file", "the file is empty (0 bytes)", file, advice="Check how it was copied.")
    archive = {content[:1]: "a tar archive"} if content.startswith(_TAR_MARK, _TAR_PLACE) else {}
    for magic, name in (_BINARY_CONTENTS | archive).items():
        if content.startswith(magic):
            advice = "Unpack or convert it first." if name != "a Parquet file" else "Pass --format parquet."
            raise data_error("not-text", f"the content is {name}, whatever the name says", file, advice=advice)
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise data_error(
            "html-page",
            "the content is an HTML page, e.g. an error page saved under the name of the data",
            file,
            advice="Open it in a browser to see what the server said, and download the data again.",
        )
    if start.startswith(b"version https://git-lfs.github.com/spec/"):
        raise data_error(
            "git-lfs-pointer",
            "the content is a Git LFS pointer, not the data",
            file,
            advice="Run `git lfs pull` in that repository.",
        )
    if start.startswith((b"/annex/objects/", b"../.git/annex/", b".git/annex/")):
        raise data_error(
            "git-annex-pointer",
            "the content is a git-annex pointer, not the data",
            file,
            advice="Run `git annex get` in that repository.",
        )


def _undecodable(error: UnicodeDecodeError, content: bytes, file: str, encoding: str) -> DataError:
    line = content[: error.start].count(b"\n") + 1
    return data_error(
        "undecodable",
        f"not valid {encoding.upper()}: byte 0x{content[error.start]:02x} at offset {error.start}",
        file,
        line,
        "Name the encoding, e.g. --encoding latin-1 or --encoding cp1252, or convert the file to UTF-8.",
    )
