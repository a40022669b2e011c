"""Score by strategy: every seed a point, their mean and its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unfreeze.reports.figure_style import INK, QUIET, colours, label_rows, new_figure
from unfreeze.reports.groups import Group
from unfreeze.reports.intervals import draw_interval, limits
from unfreeze.statistics.student import mean_interval


def draw_scores(groups: Sequence[Group], metric: str, baseline: Mapping[str, Any] | None = None) -> Figure | None:
    """Validation and, where there is one, test; None if no run has a score.

    Args:
        baseline: what always giving the same answer scores, as in `comparison.json`; a dotted line, unless it is so
            far off that the scores could not be told apart beside it.
    """
    shown = [group for group in groups if group.scores("validation", metric) or group.scores("test", metric)]
    splits = [split for split in ("validation", "test") if any(group.scores(split, metric) for group in shown)]
    if not splits:
        return None
    figure = new_figure(9, 1.5 + 0.42 * len(shown))
    panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
    label_rows(panels[0], [group.label for group in shown])
    for axes, split in zip(panels, splits, strict=True):
        _draw_split(axes, shown, split, metric)
        if baseline and (baseline.get("split"), baseline.get("metric")) == (split, metric):
            _draw_baseline(axes, baseline)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    figure.suptitle("Score by strategy: each seed, mean and 95 % interval over seeds", x=0.01, ha="left", fontsize=12)
    return figure


def _draw_split(axes: Axes, groups: Sequence[Group], split: str, metric: str) -> None:
    palette = colours(groups)
    scores = [group.scores(split, metric) for group in groups]
    low, high = limits(
        [value for some in scores for value in some],
        [end for some in scores for end in (mean_interval(some) or ())],
    )
    for row, (group, values) in enumerate(zip(groups, scores, strict=True)):
        if not values:
            axes.text(low, row, " no score", va="center", fontsize=9, color=QUIET)
            continue
        colour, _ = palette[group.label]
        interval = mean_interval(values)
        if interval:
            draw_interval(axes, row, interval[1:], (low, high), colour)
        # Seeds below the mean, not under it: with three close seeds the mean would hide them all.
        axes.plot(values, [row + 0.24] * len(values), "o", markersize=4.5, markerfacecolor="none", color=colour)
        mean = float(np.mean(values))
        axes.plot([mean], [row], "D", markersize=7, color=colour, markeredgecolor="white", zorder=4)
        axes.annotate(
            f"{mean:.3f}",
            (1.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.set_xlim(low, high)
    axes.grid(axis="x")
    axes.set_title(f"{split} (selects)" if split == "validation" else split)
    axes.set_xlabel(metric.replace("_", " "))


def _draw_baseline(axes: Axes, baseline: Mapping[str, Any]) -> None:
    score = baseline.get("score")
    low, high = axes.get_xlim()
    if score is not None and low - 0.5 * (high - low) < score < high:
        axes.axvline(score, color=QUIET, linestyle=":", linewidth=1.2, zorder=1)
        axes.set_xlim(min(low, score - 0.03 * (high - low)), high)
        axes.set_xlabel(f"{axes.get_xlabel()} (dotted: always the same answer)")
