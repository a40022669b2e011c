"""`--speedups`: which speed levers may be used."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationInfo

LEVERS = ("precision", "unpad", "compact", "cache")  # fields of `Speedups`; docs/decisions/0014-speed-levers.md


def parse_levers(text: str) -> frozenset[str]:
    """Read `on`, `off` or some levers joined with +.

    >>> sorted(parse_levers("unpad+cache")), parse_levers("off")
    (['cache', 'unpad'], frozenset())
    """
    return frozenset({"on": LEVERS, "off": ()}.get(text, text.split("+")))


def as_typed(value: Any) -> Any:
    """YAML reads on and off as true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def levers_are_known(value: str, info: ValidationInfo) -> str:
    """Levers that there are, with those that they need."""
    named = value.split("+")
    if value not in ("on", "off") and not set(named) <= set(LEVERS):
        raise ValueError(f"--speedups {value}: expected on, off, or some of {', '.join(LEVERS)} joined with +.")
    if "cache" in named and "unpad" not in named:
        raise ValueError(f"--speedups {value}: the cache holds tokens without padding. Add unpad.")
    if value != "on" and "precision" not in named and info.data.get("precision") == "bf16":
        raise ValueError(
            f"--precision bf16 --speedups {value}: the plain path computes in fp32. Leave one of them out."
        )
    return value
