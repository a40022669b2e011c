"""Where the seconds of each strategy went, as bars in pieces."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from unfreeze.reports import quantities
from unfreeze.reports.costs import SECONDS_SPLIT
from unfreeze.reports.figure_style import PALETTE, label_rows, new_figure
from unfreeze.reports.groups import Group


def draw_cost_split(groups: Sequence[Group]) -> Figure | None:
    """One bar for each strategy, a piece for each of `SECONDS_SPLIT`, mean over seeds; None without times."""
    shown = [one for one in groups if one.mean(lambda run: run.train_seconds)]
    if not shown:
        return None
    figure = new_figure(9, 1.7 + 0.42 * len(shown))
    axes = figure.subplots()
    label_rows(axes, [group.label for group in shown])
    before = [0.0] * len(shown)
    for number, (words, key) in enumerate(SECONDS_SPLIT):
        values = [group.mean(lambda run, key=key: getattr(run, key)) or 0.0 for group in shown]  # type: ignore[misc]
        if any(values):
            axes.barh(range(len(shown)), values, left=before, height=0.62, color=PALETTE[number], label=words)
            before = [start + value for start, value in zip(before, values, strict=True)]
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: quantities.seconds(value) if value else "0"))
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel("mean over seeds")
    axes.grid(axis="x")
    figure.suptitle("Where the time of a run went", x=0.01, ha="left", fontsize=12)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure
