"""What the program says: plain lines, colours only in a terminal, nothing from data unescaped."""

from __future__ import annotations

import sys

from unfreeze.data.findings import printable


def say(text: str) -> None:
    """One line to standard error, where progress and notes go; results go to standard output."""
    print(printable(text), file=sys.stderr, flush=True)


def print_error(text: str) -> None:
    """Each mistake on a line of its own, marked as an error."""
    for line in text.splitlines():
        say(f"error: {line}")
