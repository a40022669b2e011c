"""Numbers as people read them, with units. A number that was not measured is an empty text."""

from __future__ import annotations


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
    >>> memory(1.5e9), memory(740_000_000), memory(None)
    ('1.5 GB', '740 MB', '')
    """
    if value is None:
        return ""
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


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


def plain(value: float | None) -> str:
    """
    >>> plain(3.0), plain(2.5), plain(3e-05)
    ('3', '2.5', '3e-05')
    """
    return "" if value is None else f"{value:.4g}"
