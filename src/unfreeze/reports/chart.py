"""What the page's script draws. Numbers, words and ticks are all made here; the script only places them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from matplotlib.ticker import MaxNLocator

from unfreeze.reports.costs import COSTS, Cost
from unfreeze.reports.figure_style import MARKERS, PALETTE, colours
from unfreeze.reports.groups import Group
from unfreeze.storage.foreign_text import visible

_FAR_APART = 8  # from this ratio of the highest to the lowest on, an axis is logarithmic


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high`; `ticks` are places on it and what is written there."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False


@dataclass(frozen=True)
class Point:
    """A value to hover over. In charts with rows `y` is the number of the row, and the interval lies along x."""

    x: float
    y: float
    text: str  # what is said of it
    low: float | None = None  # its interval
    high: float | None = None
    start: float | None = None  # if set, a bar from here to x
    name: str = ""  # written beside it where there is room


@dataclass(frozen=True)
class Series:
    """Points of one look. `strategy` is the label by which it is switched on and off; empty: always shown."""

    points: Sequence[Point]
    strategy: str = ""
    name: str = ""  # what a legend says where it is no strategy
    colour: int = 0  # of the palette
    marker: int = 0
    line: str = ""  # "", "solid" or "dashed"
    small: bool = False  # smaller, hollow markers
    joins: Sequence[str] = ()  # strategies without one of which it is not drawn
    ring: bool = False  # around a mark that another series has; nothing to hover over


@dataclass(frozen=True)
class Chart:
    """One figure. With `rows`, its names stand one below the other and there is no y axis.

    `guides` are lines across: ("x" or "y", place, what it is).
    """

    x: Axis
    series: Sequence[Series]
    y: Axis | None = None
    rows: Sequence[str] = ()
    rows_are_strategies: bool = False
    guides: Sequence[tuple[str, float, str]] = ()
    band: tuple[float, float] | None = None  # along y

    def as_json(self) -> str:
        """For an attribute of the page: ASCII, and nothing in it acts unseen once the script has read it."""
        plain = {
            "x": vars(self.x),
            "y": vars(self.y) if self.y else None,
            "rows": list(self.rows),
            "rowsAreStrategies": self.rows_are_strategies,
            "guides": list(self.guides),
            "band": self.band,
            "series": [{**vars(one), "points": [_short(point) for point in one.points]} for one in self.series],
        }
        return json.dumps(_seen(plain), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _short(point: Point) -> list[Any]:
    """[x, y, text, low, high, start, name] with the empty end left out."""
    values = [_round(point.x), _round(point.y), point.text, *map(_round, (point.low, point.high, point.start))]
    values.append(point.name or None)
    while values[-1] is None:
        values.pop()
    return values


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _seen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _seen(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(one) for one in value]
    return visible(value) if isinstance(value, str) else value


def looks(groups: Sequence[Group]) -> dict[str, dict[str, Any]]:
    """Label -> `strategy`, `colour` and `marker` of its series, the same as in the static figures."""
    return {
        label: {"strategy": label, "colour": PALETTE.index(colour), "marker": MARKERS.index(marker)}
        for label, (colour, marker) in colours(groups).items()
    }


def axis(title: str, low: float, high: float, write: Callable[[float], str] | None = None) -> Axis:
    """A linear scale with round ticks inside."""
    high = high if high > low else low + (abs(low) or 1.0)
    ticks: list[tuple[float, str]] = []
    for most in (6, 4, 3, 2):  # fewer, where words with few digits would say the same of two places
        places = [float(one) for one in MaxNLocator(nbins=most, steps=[1, 2, 5, 10]).tick_values(low, high)]
        step = places[1] - places[0] if len(places) > 1 else 1.0
        digits = max(0, -floor(log10(step) + 1e-9)) if step < 1 else 0
        if step < 1 and abs(step * 10**digits - round(step * 10**digits)) > 1e-6:  # a step of 0.25
            digits += 1
        ticks = [(round(one, 10), write(one) if write else f"{one:.{digits}f}") for one in places if low <= one <= high]
        if len({text for _, text in ticks}) == len(ticks):
            break
    places_of = {text: place for place, text in reversed(ticks)}  # values that are nearly equal have one tick
    return Axis(title, low, high, [(place, text) for text, place in reversed(places_of.items())])


def whole_axis(title: str, low: float, high: float) -> Axis:
    """A linear scale of whole numbers with half a unit of room."""
    step = max(1, ceil((high - low) / 12))
    return Axis(title, low - 0.5, high + 0.5, [(one, str(one)) for one in range(ceil(low), floor(high) + 1, step)])


def cost_axis(cost: Cost, values: Sequence[float]) -> Axis:
    """The scale of a cost, logarithmic where the dearest costs many times what the cheapest does."""
    lowest, highest = min(values), max(values)
    if highest / lowest >= _FAR_APART:
        return log_axis(cost.words, values, lambda value: _tick(cost, value), cost.ticks)
    room = 0.08 * ((highest - lowest) or highest)
    low, high = lowest - room, highest + room
    return stepped_axis(cost.words, low, high, cost.ticks, lambda value: _tick(cost, value))


def stepped_axis(
    title: str, low: float, high: float, distances: Sequence[float], write: Callable[[float], str]
) -> Axis:
    """A linear scale whose ticks stand one of the distances apart, for units that are not decimal."""
    distance = next((one for one in distances if one >= (high - low) / 6), None)
    if distance is None:
        return axis(title, low, high, write)
    places = [n * distance for n in range(ceil(low / distance), floor(high / distance) + 1)]
    if len(places) < 2 or len({write(one) for one in places}) < len(places):  # seconds without parts of one
        return axis(title, low, high, lambda value: f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s")
    return Axis(title, low, high, [(one, write(one)) for one in places])


def seconds_axis(title: str, longest: float) -> Axis:
    """From nothing to a duration."""
    time = COSTS[0]
    return stepped_axis(title, 0.0, 1.02 * longest, time.ticks, lambda value: _tick(time, value))


def log_axis(title: str, values: Sequence[float], write: Callable[[float], str], ticks: Sequence[float] = ()) -> Axis:
    """A logarithmic scale around positive values."""
    low, high = min(values) / 1.25, max(values) * 1.25
    if not ticks:
        exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
        ticks = [base * 10.0**e for e in exponents for base in ((1,) if high / low > 100 else (1, 2, 5))]
    inside = [one for one in ticks if low <= one <= high] or [min(values)]
    inside = inside[:: 1 + len(inside) // 8]
    return Axis(f"{title} (logarithmic)", low, high, [(one, write(one)) for one in inside], log=True)


def _tick(cost: Cost, value: float) -> str:
    return cost.write(value).replace(".0 ", " ").removesuffix(" 0 s") if value else "0"
