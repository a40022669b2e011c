"""Numbers as people read them, with units. A number that was not measured is an empty text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log10


def seconds(value: float | None) -> str:
    """
    >>> seconds(0.26), seconds(71.4), seconds(4000), seconds(None)
    ('0.26 s', '1 min 11 s', '1 h 7 min', '')
    """
    if value is None:
        return ""
    if value < 59.5:
        return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(value / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def count(value: float | None) -> str:
    """
    >>> count(66955010.0), count(1540.0), count(12), count(None)
    ('67.0 M', '1,540', '12', '')
    """
    if value is None:
        return ""
    if value >= 1e9:
        return f"{value / 1e9:.2f} G"
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value:,.0f}"


def memory(value: float | None) -> str:
    """
    >>> memory(1.5e9), memory(740_000_000), memory(2.94e6), memory(8200), memory(None)
    ('1.5 GB', '740 MB', '2.9 MB', '8 kB', '')
    """
    if value is None:
        return ""
    if value >= 1e9:
        return f"{value / 1e9:.1f} GB"
    return f"{value / 1e6:.{0 if value >= 1e7 else 1}f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"


def operations(value: float | None) -> str:
    """
    >>> operations(3.2e15), operations(8.1e12), operations(None)
    ('3.2 PFLOP', '8.1 TFLOP', '')
    """
    if value is None:
        return ""
    for size, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G")):
        if value >= size:
            return f"{value / size:.1f} {prefix}FLOP"
    return f"{value:.0f} FLOP"


def percent(value: float | None) -> str:
    """
    >>> percent(0.455), percent(0.0004), percent(-0.1), percent(None)
    ('46 %', '0.04 %', '-10 %', '')
    """
    if value is None:
        return ""
    share = 100 * value
    return f"{share:.0f} %" if abs(share) >= 10 or share == 0 else f"{share:.2g} %"


def score(value: float | None) -> str:
    """
    >>> score(0.91234), score(None)
    ('0.9123', '')
    """
    return "" if value is None else f"{value:.4f}"


def signed(value: float | None) -> str:
    """
    >>> signed(0.0123), signed(-0.5), signed(None)
    ('+0.0123', '-0.5000', '')
    """
    return "" if value is None else f"{value:+.4f}"


def rough(value: float) -> str:
    """Two digits, rounded up: of an estimate more would say nothing.

    >>> rough(7), rough(1234), rough(2000)
    ('7', '1,300', '2,000')
    """
    step = 10 ** max(0, floor(log10(value)) - 1) if value >= 1 else 1
    return f"{ceil(value / step) * step:,}"


def span(ends: Sequence[float] | None, write: Callable[[float | None], str]) -> str:
    """
    >>> span([0.5, 71.4], seconds), span([2, 2], count), span(None, seconds)
    ('0.5 s to 1 min 11 s', '2', '')
    """
    if not ends:
        return ""
    low, high = write(ends[0]), write(ends[-1])
    return low if low == high else f"{low} to {high}"


def listed(names: Sequence[str]) -> str:
    """
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), *names[-1:]])


def plain(value: float | None) -> str:
    """
    >>> plain(3.0), plain(2.5), plain(3e-05)
    ('3', '2.5', '3e-05')
    """
    return "" if value is None else f"{value:.4g}"
