"""How many layers need to train: quality by trained layers, and what each layer knows untrained beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unfreeze.reports.figure_style import FAINT, INK, PALETTE, QUIET, new_figure, wrap
from unfreeze.reports.intervals import draw_interval, limits
from unfreeze.reports.label_placement import place_labels
from unfreeze.reports.results import Results
from unfreeze.storage.foreign_text import visible

_SWEPT, _ANSWER, _PROBE = PALETTE[0], PALETTE[1], PALETTE[2]
_KIND = "freeze:first="  # the strategies of a sweep; they are joined by a line, what stands beside them is not
_BESIDE = 0.24  # layers between two strategies that train equally many


def draw_layers(results: Results) -> list[tuple[str, Figure]]:
    """One figure for each model that has a sweep, a probe, or both."""
    sweeps = {str(one.get("model_name")): one for one in results.entries("sweep") if placed_points(one)}
    probes = {str(one.get("model_name")): one for one in results.entries("probe") if one.get("layers")}
    return [
        (model, _draw_model(sweeps.get(model), probes.get(model), results))
        for model in dict.fromkeys([*sweeps, *probes])
    ]


def _draw_model(sweep: Mapping[str, Any] | None, probe: Mapping[str, Any] | None, results: Results) -> Figure:
    points = placed_points(sweep) if sweep else []
    depths = [(int(one["depth"]), float(one["score"])) for one in probe["layers"]] if probe else []
    low, high = limits(
        [*(point["mean"] for point in points), *(score for _, score in depths)],
        [end for point in points for end in _interval(point)],
    )
    figure = new_figure(9, 4.6)
    widths = [1.6, 1.0] if points and depths else [1.0]
    panels: list[Axes] = list(
        figure.subplots(1, len(widths), sharey=True, squeeze=False, gridspec_kw={"width_ratios": widths})[0]
    )
    for axes in panels:
        axes.set_ylim(low, high)
        axes.grid(axis="y")
    metric = visible(str((sweep or probe or {}).get("metric") or "score")).replace("_", " ")
    panels[0].set_ylabel(f"validation {metric}")
    # Names are placed last: whatever is drawn later would move what they were measured against.
    if sweep:
        _draw_sweep(panels[0], sweep, points, results.comparison.get("margin"))
    if depths:
        _draw_probe(panels[-1], depths)
    if sweep:
        _name_points(panels[0], sweep, points)
    if depths:
        _name_best(panels[-1], depths)
    return figure


def placed_points(sweep: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points with a place on the axis of layers; where several train equally many, they stand side by side."""
    found = [dict(one) for one in sweep.get("points") or () if one.get("mean") is not None]
    for layers in {one["layers_trained"] for one in found}:
        here = [one for one in found if one["layers_trained"] == layers]
        for number, one in enumerate(here):
            one["at"] = layers + _BESIDE * (number - (len(here) - 1) / 2)
    return sorted(found, key=lambda one: float(one["at"]))


def _interval(point: Mapping[str, Any]) -> tuple[float, ...]:
    low, high = point.get("low"), point.get("high")
    return () if low is None or high is None else (float(low), float(high))


def _curve(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the line joins: the swept strategies, and an end of the axis where none of them stands."""
    swept = [one for one in points if str(one["strategy"]).startswith(_KIND)]
    taken = {one["layers_trained"] for one in swept}
    return [one for one in points if one in swept or one["layers_trained"] not in taken]


def _draw_sweep(
    axes: Axes, sweep: Mapping[str, Any], points: Sequence[Mapping[str, Any]], margin: float | None
) -> None:
    full = _full(sweep, points)
    total = max(int(one.get("total_layers") or one["layers_trained"]) for one in points)
    curve = _curve(points)
    axes.set_xlim(-0.6, total + 0.6)
    if full:
        axes.axhline(full["mean"], color=QUIET, linewidth=1, linestyle=":", zorder=1)
        if margin:
            axes.axhspan(full["mean"] - margin, full["mean"] + margin, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
    axes.plot([one["at"] for one in curve], [one["mean"] for one in curve], color=_SWEPT, linewidth=1.4, zorder=2)
    for one in points:
        if interval := _interval(one):
            draw_interval(axes, one["at"], interval, axes.get_ylim(), _SWEPT, vertical=True)
        marker = "o" if str(one["strategy"]).startswith(_KIND) else "D"
        axes.plot([one["at"]], [one["mean"]], marker, color=_SWEPT, markersize=7, markeredgecolor="white", zorder=4)
    answer = _answer(sweep, points)
    if answer:
        ring: dict[str, Any] = {"markersize": 17, "markerfacecolor": "none", "markeredgewidth": 2.2, "zorder": 3}
        axes.plot([answer["at"]], [answer["mean"]], "o", color=_ANSWER, **ring)
    _name_ticks(axes, points, total)
    seeds = "mean and 95 % interval over seeds" if any(map(_interval, points)) else "one seed"
    axes.set_title(f"trained: {seeds}")
    axes.set_xlabel(f"layers trained, of {total} (the upper ones)")


def _name_ticks(axes: Axes, points: Sequence[Mapping[str, Any]], total: int) -> None:
    """Each number of trained layers, with the setting that trains so many where there is room for it."""
    if total > 16:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=13))
        return
    if total > 8:
        axes.set_xticks(range(total + 1))
        return
    settings = {
        one["layers_trained"]: f"\nfirst={str(one['strategy']).removeprefix(_KIND).partition(',')[0]}"[:11]
        for one in points
        if str(one["strategy"]).startswith(_KIND)
    }
    axes.set_xticks(range(total + 1), [f"{layers}{settings.get(layers, '')}" for layers in range(total + 1)])


def _full(sweep: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((one for one in points if one["strategy"] == sweep.get("full")), None)


def _answer(sweep: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    chosen = (sweep.get("answer") or {}).get("strategy")
    return next((one for one in points if chosen is not None and one["strategy"] == chosen), None)


def _name_points(axes: Axes, sweep: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> None:
    """The answer and what is not of the swept kind have names; the axis names the others."""
    answer = _answer(sweep, points)
    names = ["" if str(one["strategy"]).startswith(_KIND) else wrap(str(one["strategy"]), 20) for one in points]
    if answer:
        names[points.index(answer)] = f"fewest that keep up\nwith full: {answer['layers_trained']}"
    line: list[tuple[float, float]] = []
    for one in _curve(points):
        # There and back along each interval, so that no name covers one.
        line += [(one["at"], y) for y in (one["mean"], *_interval(one), one["mean"])]
    if full := _full(sweep, points):
        line += [(x, full["mean"]) for x in axes.get_xlim()[::-1]]
    colours = [_ANSWER if one is answer else QUIET for one in points]
    place_labels(axes, [(one["at"], one["mean"]) for one in points], names, colours, line=line)


def _draw_probe(axes: Axes, depths: Sequence[tuple[int, float]]) -> None:
    places, scores = zip(*depths, strict=True)
    axes.plot(places, scores, color=_PROBE, linewidth=1.4, linestyle="--", zorder=2)
    axes.plot(places, scores, "s", color=_PROBE, markersize=6.5, markeredgecolor="white", zorder=4)
    axes.set_xlim(-0.6, max(places) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
    axes.set_title("nothing trained: linear probe")
    axes.set_xlabel("output of layer (0: embeddings)")


def _name_best(axes: Axes, depths: Sequence[tuple[int, float]]) -> None:
    best = max(depths, key=lambda one: one[1])
    names = [f"layer {depth}: {score:.3f}" if (depth, score) in (best, depths[-1]) else "" for depth, score in depths]
    place_labels(axes, depths, names, [INK] * len(depths), line=depths)
