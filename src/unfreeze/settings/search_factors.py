"""`--lr-search-factors N,N,...`: the rates that a search tries, as multiples of the strategy's own."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pydantic import ValidationInfo

SEARCH_FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)


def factors_from(value: Any, info: ValidationInfo) -> tuple[float, ...]:
    """Numbers with commas, or a list of them, in order."""
    written = value.split(",") if isinstance(value, str) else value
    try:
        factors = sorted({float(one) for one in written})
    except (TypeError, ValueError):
        factors = []
    if len(factors) < 2 or not all(isfinite(one) and one > 0 for one in factors):
        raise ValueError(f"--lr-search-factors {value}: expected numbers above 0, two at least, as in 0.3,1,3.")
    if info.data.get("lr_search") is False and tuple(factors) != SEARCH_FACTORS:
        raise ValueError(f"--lr-search-factors {value}: is used with --lr-search only. Give that too.")
    return tuple(factors)
