"""Faults of whole files: encodings, archives, what is no data at all, and broken JSON."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Sequence

from soak.planted import CLEAN, TEST, TRAIN, Fault, lines, table

ACCENTED = [*TRAIN, ("le café était agréable", "pos")]
ROWS = [{"text": text, "label": label} for text, label in TRAIN]


def faults() -> list[Fault]:
    """All of them."""
    return [*_encodings(), *_contents(), *_json(), *_parquet(), *_folders()]


def _train(name: str, content: bytes, says: str, place: str = "train.csv") -> Fault:
    return Fault(name, {**CLEAN, "train.csv": content}, place, says)


def _encodings() -> Iterator[Fault]:
    accented = table(ACCENTED).decode()
    yield _train("Latin-1", accented.encode("latin-1"), "not valid UTF-8", "train.csv:14")
    mixed = table(ACCENTED) + "déjà vu,neg\n".encode("cp1252")
    yield _train("two encodings in one file", mixed, "not valid UTF-8", "train.csv:15")
    yield _train("UTF-16", accented.encode("utf-16"), "decoded as UTF-16")
    yield _train("UTF-16 without its mark", accented.encode("utf-16-le"), "UTF-16 without a byte order mark")
    yield _train("UTF-32", accented.encode("utf-32"), "decoded as UTF-32")
    test = table([*TEST, ("déjà vu", "pos")]).decode().encode("latin-1")
    yield Fault("test in another encoding", {**CLEAN, "test.csv": test}, "test.csv:6", "not valid UTF-8")
    joined = CLEAN["train.csv"] + b"\xef\xbb\xbf" + b"what is this,pos\n"
    yield _train("mark of byte order in the middle", joined, "U+FEFF", "train.csv:14")


def _contents() -> Iterator[Fault]:
    clean = CLEAN["train.csv"]
    packed = gzip.compress(clean, mtime=0)
    yield _train("empty", b"", "the file is empty")
    yield _train("blanks only", b" \n\n \n", "the file is empty")
    yield _train("column names only", b"text,label\n", "no examples")
    yield _train("gzip cut off", packed[: len(packed) // 2], "damaged or cut off")
    flipped = bytearray(packed)
    flipped[-6] ^= 1  # of the checksum
    yield _train("gzip with a wrong checksum", bytes(flipped), "the gzip file is damaged")
    yield _train("gzip in gzip", gzip.compress(packed, mtime=0), "a gzip archive inside a gzip archive")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("train.csv", clean)
    yield _train("zip", stream.getvalue(), "a zip archive")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        member = tarfile.TarInfo("train.csv")
        member.size = len(clean)
        tar.addfile(member, io.BytesIO(clean))
    yield _train("tar", stream.getvalue(), "a tar archive")
    yield _train("tar in gzip", gzip.compress(stream.getvalue(), mtime=0), "a tar archive")
    yield _train("bzip2", b"BZh91AY&SY" + bytes(40), "a bzip2 archive")
    yield _train("pickle", b"\x80\x04\x95" + bytes(40), "a Python pickle, which is never opened")
    yield _train("NumPy array", b"\x93NUMPY\x01\x00" + bytes(40), "a NumPy array")
    yield _train("PDF", b"%PDF-1.7\n" + bytes(40), "a PDF document")
    page = b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n"
    yield _train("page of a server", page, "an HTML page")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    yield _train("pointer of Git LFS", pointer, "a Git LFS pointer")
    yield _train("pointer of git-annex", b"/annex/objects/MD5E-s12--00.csv\n", "a git-annex pointer")


def _json() -> Iterator[Fault]:
    def told(name: str, content: bytes, line: int | None, says: str, file: str = "train.jsonl") -> Fault:
        return Fault(name, {file: content}, file if line is None else f"{file}:{line}", says)

    clean = lines(ROWS)
    yield told("line cut off within", clean + b'{"text": "what is\n' + clean[:0], 13, "not valid JSON")
    yield told("last line cut off", clean[:-9], 12, "not valid JSON")
    yield told("a line of two objects", clean + b'{"text": "a"} {"text": "b"}\n', 13, "not valid JSON")
    yield told("a line that is a list", clean + b'["what", "pos"]\n', 13, "expected one JSON object a line")
    array = json.dumps(ROWS, indent=1).encode()
    whole = array[: len(array) // 2]
    yield told("array cut off", whole, whole.count(b"\n") + 1, "not valid JSON", "train.json")
    yield told("array of other things", json.dumps([*ROWS, "what"]).encode(), None, "element 13", "train.json")
    yield told("answer of a server", b'{"error": "rate limit exceeded"}\n', None, "no text column")
    for name, value, says in (
        ("labels of two types", 1, "labels of different types"),
        ("label true", True, "labels of different types"),
        ("label is a list", ["pos"], "'label' holds a list"),
        ("label null", None, "rows have no label"),
        ("label NaN", float("nan"), "rows have no label"),
    ):
        yield told(f"JSON: {name}", lines([*ROWS, {"text": "what is this", "label": value}]), 13, says)
    yield told("label left out", lines([*ROWS, {"text": "what is this"}]), 13, "rows have no label")
    yield told("text is a list", lines([*ROWS, {"text": ["what"], "label": "pos"}]), 13, "holds a list")
    yield told("half a surrogate pair", lines([*ROWS, {"text": "what \ud83d", "label": "pos"}]), 13, "surrogate pair")
    odd = {"text": "what is this", "label": "pos\ud83d"}
    yield told("half a surrogate pair in a label", lines([*ROWS, odd]), 13, "U+D83D")
    yield told("text left out", lines([*ROWS, {"label": "pos"}]), 13, "an empty text")


def parquet(labels: Sequence[str | None]) -> bytes:
    """The clean texts with these labels."""
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": [text for text, _ in TRAIN], "label": list(labels)}), stream)
    return stream.getvalue()


def _parquet() -> Iterator[Fault]:
    labels: list[str | None] = [label for _, label in TRAIN]
    whole = parquet(labels)
    yield Fault("Parquet cut off", {"train.parquet": whole[: len(whole) // 2]}, "train.parquet", "damaged or cut off")
    foot = bytearray(whole)
    foot[-40] ^= 0xFF
    foot[-8:-4] = (2**31 - 1).to_bytes(4, "little")
    yield Fault("Parquet with a wrong foot", {"train.parquet": bytes(foot)}, "train.parquet", "damaged")
    labels[2] = None
    yield Fault("Parquet with null labels", {"train.parquet": parquet(labels)}, "train.parquet:3", "have no label")


def _folders() -> Iterator[Fault]:
    files = {f"train/{label}/{i}.txt": text.encode() for i, (text, label) in enumerate(TRAIN)}
    bad = {**files, "train/pos/7.txt": "déjà vu".encode("latin-1")}
    yield Fault("folders of texts, one in Latin-1", bad, "train/pos/7.txt:1", "not valid UTF-8")
    yield Fault("folders of texts, one empty", {**files, "train/pos/7.txt": b""}, "train/pos/7.txt:1", "an empty text")
