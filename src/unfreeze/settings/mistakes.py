"""What is wrong with settings, and how a setting is called in messages."""

from __future__ import annotations

from collections.abc import Sequence


class SettingsError(ValueError):
    """Settings that cannot be used; one line for each mistake."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistakes))


def flag(name: str) -> str:
    """The command-line flag of a setting.

    >>> flag("max_length")
    '--max-length'
    """
    return "--" + name.replace("_", "-")
