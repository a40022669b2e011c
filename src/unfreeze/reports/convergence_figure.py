"""Convergence: how the validation score grew, one panel for each strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from unfreeze.reports.figure_style import FAINT, colours, new_panels, wrap
from unfreeze.reports.groups import Group, state
from unfreeze.reports.histories import thinned
from unfreeze.storage.records import RunRecord

Curve = tuple[list[float], list[float]]  # epochs, scores


def draw_convergence(groups: Sequence[Group], metric: str) -> Figure | None:
    """Small panels with all other strategies in grey: twelve lines in one panel could not be told apart."""
    curves = {group.label: [curve for run in group.runs if (curve := _curve(run, metric))] for group in groups}
    shown = [group for group in groups if curves[group.label]]
    if not shown:
        return None
    figure, panels, across = new_panels(len(shown))
    palette = colours(groups)
    grey: dict[str, Any] = {"color": FAINT, "linewidth": 0.8, "zorder": 1}
    for axes, group in zip(panels, shown, strict=True):
        axes.plot(*_joined([curve for other in shown if other is not group for curve in curves[other.label]]), **grey)
        _draw_runs(axes, group, metric, palette[group.label][0])
        axes.set_title(wrap(group.label, 96 // across), fontsize=9 if across < 4 else 8, linespacing=1.05)
        axes.grid(axis="y")
    _scale_epochs(
        panels[0],
        [epoch for group in shown for epochs, _ in curves[group.label] for epoch in epochs],
        [max(epochs) for group in shown for epochs, _ in curves[group.label]],
    )
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel(f"validation {metric.replace('_', ' ')}", fontsize=10)
    figure.suptitle(
        "Convergence: a line for each seed, a dot where weights were selected"
        + (
            ", a cross where a run did not finish or learnt nothing"
            if any(state(run) != "done" for g in shown for run in g.runs)
            else ""
        ),
        x=0.01,
        ha="left",
        fontsize=10.5,
    )
    return figure


def _curve(run: RunRecord, metric: str) -> Curve | None:
    """Epochs and scores of the evaluations of one run; None without any."""
    points = [(entry["epoch"], entry["validation"][metric]) for entry in thinned(run, metric)]
    return ([float(epoch) for epoch, _ in points], [float(score) for _, score in points]) if points else None


def _joined(curves: Sequence[Curve]) -> Curve:
    """One curve with gaps instead of many: a hundred lines in each of twelve panels would take seconds to draw."""
    gap = [float("nan")]
    return [x for xs, _ in curves for x in [*xs, *gap]], [y for _, ys in curves for y in [*ys, *gap]]


def _draw_runs(axes: Axes, group: Group, metric: str, colour: str) -> None:
    for run in group.runs:
        curve = _curve(run, metric)
        if curve is None:
            continue
        epochs, scores = curve
        axes.plot(epochs, scores, color=colour, linewidth=1.6, alpha=0.85, zorder=3)
        if run.best_epoch is not None and run.best_epoch in epochs:
            best = scores[epochs.index(run.best_epoch)]
            axes.plot([run.best_epoch], [best], "o", color=colour, markersize=5, markeredgecolor="white", zorder=4)
        if state(run) != "done":
            axes.plot([epochs[-1]], [scores[-1]], "x", color=colour, markersize=7, markeredgewidth=2, zorder=4)


def _scale_epochs(axes: Axes, epochs: Sequence[float], ends: Sequence[float]) -> None:
    """A logarithmic axis where runs differ much in length, else three epochs vanish beside thirty."""
    if max(ends) > 4 * min(ends) and min(epochs) > 0:
        axes.set_xscale("log")
        ticks = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if min(epochs) <= tick <= max(epochs)]
        axes.set_xticks(ticks)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
