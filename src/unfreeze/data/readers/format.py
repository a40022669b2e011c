"""What a format says of itself: how it is read, and by what its files are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unfreeze.data.read_settings import Reader, ReadSettings


@dataclass(frozen=True)
class Head:
    """The beginning of a file whose name does not tell the format."""

    file: str
    suffix: str  # in lower case, without .gz
    text: str
    lines: list[str]  # whole lines that are not blank, at least one
    settings: ReadSettings


@dataclass(frozen=True)
class Format:
    """One entry of the table of formats. `recognises` and `recognises_folder` look at content, in the table's order."""

    read: Reader
    suffixes: tuple[str, ...] = ()  # endings that mean this format and no other
    shared_suffixes: tuple[str, ...] = ()  # endings that several formats use: the content decides
    magic: bytes | None = None  # how every file of a binary format begins, whatever its name
    recognises: Callable[[Head], bool] = lambda head: False
    recognises_folder: Callable[[Path], bool] = lambda folder: False
