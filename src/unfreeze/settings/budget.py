"""`--budget KIND=N`: the same amount of training for every strategy."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

BudgetKind = Literal["epochs", "steps", "tokens", "seconds"]


@dataclass(frozen=True)
class Budget:
    """What each run may spend on training; evaluation is not in it."""

    kind: BudgetKind
    amount: float  # a whole number but for seconds


def parse_budget(text: str) -> Budget:
    """Read `epochs=3`, `steps=500`, `tokens=1e6` or `seconds=90`.

    Raises:
        ValueError: another kind, or an amount that is not positive.

    >>> parse_budget("tokens=1e6")
    Budget(kind='tokens', amount=1000000.0)
    """
    kind, _, written = text.partition("=")
    kinds = get_args(BudgetKind)
    if kind.strip() not in kinds:
        raise ValueError(f"--budget {text}: expected {', '.join(f'{one}=N' for one in kinds)}.")
    try:
        amount = float(written)
    except ValueError:
        raise ValueError(f"--budget {text}: expected a number after {kind.strip()}=.") from None
    if not (isfinite(amount) and amount > 0):
        raise ValueError(f"--budget {text}: expected a number above 0.")
    if kind.strip() != "seconds" and amount != int(amount):
        raise ValueError(f"--budget {text}: expected a whole number of {kind.strip()}.")
    return Budget(kind.strip(), amount)  # type: ignore[arg-type]  # one of the kinds
