"""Score by number of training examples, one panel for each strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from unfreeze.reports import quantities
from unfreeze.reports.figure_style import FAINT, PALETTE, colours, new_panels, wrap
from unfreeze.reports.intervals import draw_interval, limits
from unfreeze.reports.results import Results
from unfreeze.storage.foreign_text import visible


def draw_data_sizes(results: Results) -> Figure | None:
    """Learning curves with their intervals over seeds, all others in grey behind each; None if there are none."""
    entries = [one for one in results.entries("data_sizes") if one.get("points")]
    if not entries:
        return None
    points = [point for one in entries for point in one["points"]]
    within = limits(
        [float(point["mean"]) for point in points],
        [float(end) for point in points for end in (point.get("low"), point.get("high")) if end is not None],
    )
    figure, panels, across = new_panels(len(entries))
    palette = colours(results.groups)
    for axes, entry in zip(panels, entries, strict=True):
        for other in entries:
            if other is not entry:
                axes.plot(*_curve(other), color=FAINT, linewidth=0.8, zorder=1)
        label = results.label(entry)
        _draw_curve(axes, entry, within, palette.get(label, (PALETTE[0], "o"))[0])
        axes.set_title(wrap(label, 96 // across), fontsize=9 if across < 4 else 8, linespacing=1.05)
        axes.grid(axis="y")
    _scale(panels[0], [int(point["train_examples"]) for point in points])
    panels[0].set_ylim(*within)
    figure.supxlabel("training examples", fontsize=10)
    metric = visible(str(entries[0].get("metric") or "score")).replace("_", " ")
    figure.supylabel(f"validation {metric}", fontsize=10)
    figure.suptitle("Score by training examples: mean and 95 % interval over seeds", x=0.01, ha="left", fontsize=10.5)
    return figure


def _curve(entry: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    return [one["train_examples"] for one in entry["points"]], [one["mean"] for one in entry["points"]]


def _draw_curve(axes: Axes, entry: Mapping[str, Any], within: tuple[float, float], colour: str) -> None:
    axes.plot(*_curve(entry), "o-", color=colour, markersize=6, markeredgecolor="white", linewidth=1.6, zorder=4)
    for point in entry["points"]:
        if point.get("low") is not None and point.get("high") is not None:
            ends = (point["low"], point["high"])
            draw_interval(axes, point["train_examples"], ends, within, colour, vertical=True)


def _scale(axes: Axes, sizes: Sequence[int]) -> None:
    """Each doubling is as wide as the one before, as that is what the gain is told for."""
    axes.set_xscale("log")
    ticks = sorted(set(sizes))
    if len(ticks) > 4:
        ticks = [ticks[0], ticks[len(ticks) // 2], ticks[-1]]
    axes.set_xticks(ticks, [quantities.count(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.15)
