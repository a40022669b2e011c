"""Which strategy is full fine-tuning, that others are held against."""

from __future__ import annotations

from collections.abc import Iterable


def full_among(strategies: Iterable[str]) -> str | None:
    """Of strategies as typed, `full`; where that is not there, the only one with settings of its own; else None.

    >>> full_among(["lora", "full:learning_rate=1e-05"])
    'full:learning_rate=1e-05'
    >>> full_among(["full:learning_rate=1e-05", "full:learning_rate=2e-05", "full:learning_rate=1e-05+lora"]) is None
    True
    """
    names = dict.fromkeys(strategies)
    if "full" in names:
        return "full"
    own = [name for name in names if name.startswith("full:") and "+" not in name]
    return own[0] if len(own) == 1 else None
