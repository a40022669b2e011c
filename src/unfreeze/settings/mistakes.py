"""What is wrong with settings, and how a setting is called in messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SettingsError(ValueError):
    """Settings that cannot be used; one line for each mistake. `values` is what was given, if it came so far."""

    def __init__(self, mistakes: Sequence[str], values: Mapping[str, Any] | None = None) -> None:
        self.mistakes = tuple(mistakes)
        self.values = dict(values or {})
        super().__init__("\n".join(mistakes))


def flag(name: str) -> str:
    """The command-line flag of a setting.

    >>> flag("max_length")
    '--max-length'
    """
    return "--" + name.replace("_", "-")
