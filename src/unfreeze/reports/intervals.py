"""Intervals in figures, and the room for them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes


def limits(values: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """Room for the points and most of the intervals.

    With two seeds an interval is thirteen standard errors long to each side; drawn whole it would press all points
    into one. It runs off the figure then, with an arrow.

    Args:
        values: the points; at least one.
        ends: the ends of all intervals.
    """
    spread = max(max(values) - min(values), 0.01)
    low = max(min([*values, *ends]), min(values) - 0.4 * spread)
    high = min(max([*values, *ends]), max(values) + 0.4 * spread)
    return low - 0.06 * spread, high + 0.06 * spread


def draw_interval(
    axes: Axes,
    at: float,
    interval: Sequence[float],
    within: tuple[float, float],
    colour: str,
    *,
    vertical: bool = False,
) -> None:
    """A bar from one end of an interval to the other at one place of the other axis, with an arrow where it is cut."""

    def draw(ends: Sequence[float], *how: str, **looks: object) -> None:
        places = [at] * len(ends)
        axes.plot(*((places, ends) if vertical else (ends, places)), *how, color=colour, **looks)  # type: ignore[arg-type]

    low, high = max(interval[0], within[0]), min(interval[1], within[1])
    draw([low, high], linewidth=2, solid_capstyle="butt", alpha=0.55)
    arrows, cap = ("v^", "_") if vertical else ("<>", "|")
    for end, shown, arrow in ((interval[0], low, arrows[0]), (interval[1], high, arrows[1])):
        cut = end != shown
        draw([shown], arrow if cut else cap, markersize=5 if cut else 8, clip_on=False)
