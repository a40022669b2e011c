"""What training costs, next to full fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from unfreeze.reports import quantities
from unfreeze.reports.figure_style import QUIET, colours, label_rows, new_figure
from unfreeze.reports.groups import Group, full_of

TIME = "training time"
Write = Callable[[float | None], str]


def draw_costs(groups: Sequence[Group], metric: str) -> Figure | None:
    """Bars of training time and training FLOPs, as a share of `full` on the same model and data where it was run.

    Where some strategy has no `full` to be held against, all bars are absolute. The metric only orders the strategies.
    """
    costs: list[tuple[str, Write, dict[str, float]]] = [
        (TIME, quantities.seconds, _known(groups, lambda group: group.fit_seconds)),
        ("training compute", quantities.operations, _known(groups, lambda group: group.mean(lambda run: run.flops))),
    ]
    costs = [cost for cost in costs if cost[2]]
    shown = [group for group in groups if any(group.label in values for _, _, values in costs)]
    if not shown:
        return None
    figure = new_figure(9, 1.5 + 0.42 * len(shown))
    panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    label_rows(panels[0], [group.label for group in shown])
    relative = True
    for axes, (title, write, values) in zip(panels, costs, strict=True):
        shares = _shares(shown, values)
        relative = relative and shares is not None
        unclear = _overlapping(shown) if title == TIME else set()
        _draw_bars(axes, shown, values, shares, unclear, write)
        axes.set_title(title)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    figure.suptitle(
        "Cost of training, full fine-tuning = 100 %" if relative else "Cost of training", x=0.01, ha="left", fontsize=12
    )
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
    axes.set_xlim(0, 1.55 * longest)  # room for the numbers behind the bars
    if shares:
        axes.axvline(1, color=QUIET, linewidth=1, linestyle=":", zorder=0)
        axes.set_xticks([0, 0.5, 1] if longest <= 1.6 else [0, 1])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: quantities.percent(value)))
        axes.set_xlabel("share of full fine-tuning")
    else:
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value) if value else "0"))
        axes.set_xlabel("mean over seeds")
