"""What training costs, next to full fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from unfreeze.reports import quantities
from unfreeze.reports.figure_style import QUIET, colours, label_rows, new_figure
from unfreeze.reports.groups import Group, full_of

Write = Callable[[float | None], str]


def draw_time(groups: Sequence[Group], metric: str) -> Figure | None:
    """Bars of training time, as a share of `full` on the same model and data where it was run.

    Where some strategy has no `full` to be held against, all bars are absolute. The metric only orders the strategies.
    """
    times = _known(groups, lambda group: group.fit_seconds)
    return _draw(groups, "Training time", times, quantities.seconds, _overlapping(groups))


def draw_compute(groups: Sequence[Group], metric: str) -> Figure | None:
    """Bars of training FLOPs, as those of time."""
    operations = _known(groups, lambda group: group.mean(lambda run: run.flops))
    return _draw(groups, "Training compute", operations, quantities.operations, set())


def _draw(
    groups: Sequence[Group], title: str, values: dict[str, float], write: Write, unclear: set[str]
) -> Figure | None:
    if not values:
        return None
    figure = new_figure(9, 1.5 + 0.42 * len(groups))
    axes = figure.subplots()
    label_rows(axes, [group.label for group in groups])
    shares = _shares(groups, values)
    _draw_bars(axes, groups, values, shares, unclear, write)
    axes.set_title(f"{title}, full fine-tuning = 100 %" if shares else title, loc="left")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def _known(groups: Sequence[Group], number: Callable[[Group], float | None]) -> dict[str, float]:
    return {group.label: value for group in groups if (value := number(group)) is not None}


def _shares(groups: Sequence[Group], values: dict[str, float]) -> dict[str, float] | None:
    """Cost by label as a share of full's; None unless every strategy has a full to be held against."""
    full, shares = {key: values.get(one.label) for key, one in full_of(groups).items()}, {}
    for group in groups:
        reference = full.get((group.model_name, group.train_examples))
        if not reference:
            return None
        if group.label in values:
            shares[group.label] = values[group.label] / reference
    return shares


def _overlapping(groups: Sequence[Group]) -> set[str]:
    """The strategies whose times overlap with those of full."""
    full = full_of(groups)
    against = [(group, full.get((group.model_name, group.train_examples))) for group in groups]
    return {group.label for group, other in against if other is not None and group.overlaps(other)}


def _draw_bars(
    axes: Axes,
    groups: Sequence[Group],
    values: dict[str, float],
    shares: dict[str, float] | None,
    unclear: set[str],
    write: Write,
) -> None:
    palette = colours(groups)
    lengths = shares or values
    longest = max(lengths.values()) or 1.0
    for row, group in enumerate(groups):
        if group.label not in values:
            axes.text(0, row, " not measured", va="center", fontsize=9, color=QUIET)
            continue
        length = lengths[group.label]
        axes.barh(row, length, height=0.62, color=palette[group.label][0], alpha=0.85)
        text = write(values[group.label])
        if shares:
            text = f"{'not told apart' if group.label in unclear else quantities.percent(length)}  ({text})"
        label = axes.annotate(text, (length, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})  # over the line at 100 %
    axes.set_xlim(0, 1.3 * longest)  # room for the numbers behind the bars
    if shares:
        axes.axvline(1, color=QUIET, linewidth=1, linestyle=":", zorder=0)
        axes.set_xticks([0, 0.5, 1] if longest <= 1.6 else [0, 1])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: quantities.percent(value)))
        axes.set_xlabel("share of full fine-tuning")
    else:
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value) if value else "0"))
        axes.set_xlabel("mean over seeds")
