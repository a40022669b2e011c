"""Score against trainable parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from unfreeze.reports import quantities
from unfreeze.reports.figure_style import QUIET, colours, new_figure, wrap
from unfreeze.reports.groups import Group, is_better_high
from unfreeze.reports.label_placement import place_labels
from unfreeze.statistics.pareto import pareto_front


def draw_parameters(groups: Sequence[Group], metric: str) -> Figure | None:
    """One point for each strategy; a dashed line joins those that no other beats with fewer parameters."""
    points = [
        (group, parameters, float(np.mean(scores)))
        for group in groups
        if (parameters := group.mean(lambda run: run.trainable_parameters))
        and (scores := group.scores("validation", metric))
    ]
    if not points:
        return None
    figure = new_figure(9, 5)
    axes = figure.subplots()
    palette = colours(groups)
    sign = 1 if is_better_high(metric) else -1
    front = [points[i] for i in pareto_front([(parameters, sign * score) for _, parameters, score in points])]
    axes.plot([p for _, p, _ in front], [s for _, _, s in front], "--", color=QUIET, linewidth=1, zorder=1)
    for group, parameters, score in points:
        colour, marker = palette[group.label]
        axes.plot([parameters], [score], marker, color=colour, markersize=9, markeredgecolor="white", zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(base=10))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: quantities.count(value).replace(".0 ", " ")))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.15)
    axes.grid()
    axes.set_xlabel("trainable parameters (logarithmic)")
    axes.set_ylabel(f"mean validation {metric.replace('_', ' ')}")
    title = "Score against trainable parameters"
    axes.set_title(f"{title}; dashed: no other does better with fewer" if len(front) > 1 else title, fontsize=12)
    place_labels(
        axes,
        [(parameters, score) for _, parameters, score in points],
        [wrap(group.label, 32) for group, _, _ in points],
        [palette[group.label][0] for group, _, _ in points],
        line=[(parameters, score) for _, parameters, score in front],
    )
    return figure
