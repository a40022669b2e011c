"""Quality against one cost, with the strategies that no other beats joined by a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter

from unfreeze.reports.chart import cost_axis
from unfreeze.reports.costs import Cost
from unfreeze.reports.figure_style import QUIET, colours, new_figure, wrap
from unfreeze.reports.groups import Group, is_better_high
from unfreeze.reports.label_placement import place_labels
from unfreeze.statistics.pareto import pareto_front

_MOST_NAMED = 16  # beyond these only the strategies that no other beats have names and colours


def draw_quality(groups: Sequence[Group], metric: str, cost: Cost) -> Figure | None:
    """One point for each strategy; None if no strategy has both numbers.

    A dashed line joins those that no other beats in mean validation score for less. It is left out where a strategy
    with a score lacks the cost: none must win by a missing number. Of very many only the joined ones are named.
    """
    scored = [
        (group, group.mean(lambda run: getattr(run, cost.name)), float(np.mean(scores)))
        for group in groups
        if (scores := group.scores("validation", metric))
    ]
    points = [(group, value, score) for group, value, score in scored if value]
    if not points:
        return None
    figure = new_figure(9, 5)
    axes = figure.subplots()
    palette = colours(groups)
    sign = 1 if is_better_high(metric) else -1
    unbeaten = [points[i] for i in pareto_front([(value, sign * score) for _, value, score in points])]
    front = unbeaten if len(points) == len(scored) and len(unbeaten) > 1 else []
    named = [one[0].label for one in (points if len(points) <= _MOST_NAMED else unbeaten)]
    axes.plot([value for _, value, _ in front], [score for _, _, score in front], "--", color=QUIET, lw=1, zorder=1)
    for group, value, score in points:
        colour, marker = palette[group.label] if group.label in named else (QUIET, ".")
        axes.plot([value], [score], marker, color=colour, markersize=9, markeredgecolor="white", zorder=3)
    _scale(axes, cost, [value for _, value, _ in points])
    axes.margins(x=0.12, y=0.15)
    axes.grid()
    axes.set_ylabel(f"mean validation {metric.replace('_', ' ')}")
    title = f"Score against {cost.words}" + ("; dashed: no other does better for less" if front else "")
    axes.set_title(title + ("; grey: the others" if len(named) < len(points) else ""), fontsize=12)
    place_labels(
        axes,
        [(value, score) for _, value, score in points],
        [wrap(group.label, 32) if group.label in named else "" for group, _, _ in points],
        [palette[group.label][0] for group, _, _ in points],
        line=[(value, score) for _, value, score in front],
    )
    return figure


def _scale(axes: Axes, cost: Cost, values: Sequence[float]) -> None:
    across = cost_axis(cost, values)
    if across.log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(FixedLocator([place for place, _ in across.ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([text for _, text in across.ticks]))
    axes.set_xlabel(across.title)
