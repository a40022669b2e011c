"""What a reader may be told about a file; every field has a default that is inferred or harmless."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unfreeze.data.examples import Example, TaskName
from unfreeze.data.findings import Finding, Say, silent


@dataclass(frozen=True)
class ReadSettings:
    """How to read one file. `None` means: infer it and say so."""

    task: TaskName | None = None
    text_column: str | None = None
    text_pair_column: str | None = None
    label_column: str | None = None
    tag_column: int | str | None = None  # CoNLL: number from 1, or from the end if negative; CoNLL-U: upos, ...
    encoding: str | None = None
    label_separator: str | None = None  # between the labels of a text, where a file has them in one cell
    drop_missing_labels: bool = False
    labelled: bool = True  # False: the file is for prediction, and labels may be absent


INFER_ALL = ReadSettings()


def say_unused_columns(settings: ReadSettings, file: str, why: str, say: Say) -> None:
    """Say that columns were named for a format without column names."""
    for name in ("text_column", "text_pair_column", "label_column"):
        if getattr(settings, name) is not None:
            message = f"--{name.replace('_', '-')} {getattr(settings, name)} is not used: {why}"
            say(Finding("note", "unused-setting", message, file))


class Reader(Protocol):
    """The one signature of all readers."""

    def __call__(self, path: Path, settings: ReadSettings = ..., say: Say = silent) -> list[Example]: ...
