"""A fault planted into clean made-up data, and what has to be said of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfreeze.data.findings import DataError
from unfreeze.data.sources import DataRequest, load_corpus

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Fault:
    """`place` is `file:line`, or the file alone where no line is at fault; `says` is part of the message there."""

    name: str
    files: Mapping[str, bytes]  # train.*, validation.*, test.*
    place: str
    says: str
    options: Mapping[str, Any] = field(default_factory=dict)  # of the request


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """The files of a fault; a name may hold folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def said_of(folder: Path, **options: Any) -> list[str]:
    """All that loading the files of a folder says: errors, warnings and notes."""
    found = {Path(path.name).stem.partition(".")[0]: str(path) for path in sorted(folder.iterdir())}
    request = DataRequest(
        train_file=found["train"],
        validation_file=found.get("validation"),
        test_file=(found["test"],) if "test" in found else (),
        **options,
    )
    try:
        corpus = load_corpus(request)
    except DataError as error:
        return [str(finding) for finding in error.findings]
    return [*map(str, corpus.findings), *corpus.notes]


def is_told(fault: Fault, said: Sequence[str], folder: Path) -> bool:
    """Is it named with its place?"""
    return any(line.startswith(f"{folder / fault.place}: ") and fault.says in line for line in said)


def texts(number: int, offset: int = 0) -> list[tuple[str, str]]:
    """Clean rows: no two texts are alike, two labels."""
    return [(f"film {offset + i} was {'a joy' if i % 2 else 'a bore'}", ("neg", "pos")[i % 2]) for i in range(number)]


def table(rows: Rows, header: Sequence[str] = ("text", "label"), delimiter: str = ",") -> bytes:
    """Comma-separated, with its header."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue().encode()


def lines(values: Sequence[object]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(value) + "\n" for value in values).encode()


TRAIN, VALIDATION, TEST = texts(12), texts(4, 100), texts(4, 200)
CLEAN = {"train.csv": table(TRAIN), "validation.csv": table(VALIDATION), "test.csv": table(TEST)}
