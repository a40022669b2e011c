"""What the program says: plain lines, colours only in a terminal, nothing from data unescaped."""

from __future__ import annotations

import json
import sys
from typing import Any

from unfreeze.data.findings import printable


def say(text: str) -> None:
    """One line to standard error, where progress and notes go; results go to standard output."""
    print(one_line(text), file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """With everything that could drive a terminal or begin another line written out.

    >>> one_line("a\\nerror: b")
    'a\\\\nerror: b'
    """
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that can be read and that no terminal obeys: what is not printed is written by its number."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # Line ends are JSON's own: those in texts are escaped already.
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def print_error(text: str) -> None:
    """Each mistake on a line of its own, marked as an error."""
    for line in text.split("\n"):
        say(f"error: {line}")
