"""The interactive figures with two axes, of the static figures of the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unfreeze.reports import quantities
from unfreeze.reports.chart import Axis, Chart, Point, Series, axis, cost_axis, log_axis, looks, whole_axis
from unfreeze.reports.costs import Cost
from unfreeze.reports.data_words import last_bin_in_words, limit_in_words
from unfreeze.reports.groups import Group, is_better_high, state
from unfreeze.reports.histories import thinned
from unfreeze.reports.intervals import limits
from unfreeze.reports.layers_figure import placed_points
from unfreeze.reports.results import Results
from unfreeze.statistics.pareto import pareto_front
from unfreeze.statistics.student import mean_interval
from unfreeze.storage.records import RunRecord

_FIRST = "freeze:first="  # the strategies of a sweep


def quality_chart(results: Results, cost: Cost) -> Chart | None:
    """Mean validation score against a cost, with intervals over seeds and the strategies that none beats joined."""
    metric, look = results.metric, looks(results.groups)
    scored = [
        (one, one.mean(lambda run: getattr(run, cost.name)), one.scores("validation", metric)) for one in results.groups
    ]
    scored = [one for one in scored if one[2]]
    shown = [(group, value, float(np.mean(scores)), mean_interval(scores)) for group, value, scores in scored if value]
    if not shown:
        return None
    sign = 1 if is_better_high(metric) else -1
    front = pareto_front([(value, sign * mean) for _, value, mean, _ in shown]) if len(shown) == len(scored) else []
    low, high = limits([one[2] for one in shown], [end for one in shown for end in (one[3] or ())[1:]])
    series = []
    if len(front) > 1:
        path = [Point(shown[i][1], shown[i][2], "") for i in front]
        joined = [shown[i][0].label for i in front]
        words = "none does better for less"
        series.append(Series(path, name=words, colour=-1, marker=-1, line="dashed", joins=joined))
    for group, value, mean, interval in shown:
        said = f"{group.label}\n{_score(mean, interval)} validation {_words(metric)}\n{cost.write(value)} {cost.words}"
        low_end, high_end = interval[1:] if interval else (None, None)
        series.append(Series([Point(value, mean, said, low_end, high_end, name=group.label)], **look[group.label]))
    return Chart(
        cost_axis(cost, [one[1] for one in shown]),
        series,
        axis(f"validation {_words(metric)}", low, high),
    )


def convergence_chart(results: Results) -> Chart | None:
    """Validation score by epoch, a line for each seed."""
    metric, look = results.metric, looks(results.groups)
    curves = [
        (group, run, points) for group in results.groups for run in group.runs if (points := _curve(run, group, metric))
    ]
    if not curves:
        return None
    series = []
    for group, run, points in curves:
        series.append(Series(points, line="solid", small=True, **look[group.label]))
        # A larger mark over the small one.
        series.append(Series([one for one in points if one.x == run.best_epoch], **look[group.label]))
    epochs = [point.x for _, _, points in curves for point in points]
    scores = [point.y for _, _, points in curves for point in points]
    ends = [max(point.x for point in points) for _, _, points in curves]
    if max(ends) > 4 * min(ends) and min(epochs) > 0:
        across = log_axis("epoch", epochs, quantities.plain)
    elif all(epoch == int(epoch) for epoch in epochs):
        across = whole_axis("epoch", min(epochs), max(epochs))
    else:
        across = axis("epoch", 0, max(epochs) * 1.04, quantities.plain)
    return Chart(across, series, _around(f"validation {_words(metric)}", scores))


def layers_chart(results: Results, model: str) -> Chart | None:
    """Score by number of trained layers with intervals, and a linear probe of each layer."""
    sweep = _entry(results.entries("sweep"), model, "points")
    probe = _entry(results.entries("probe"), model, "layers")
    points = placed_points(sweep)
    depths = list(probe.get("layers") or ())
    if not points and not depths:
        return None
    swept = [one for one in points if str(one["strategy"]).startswith(_FIRST)]
    taken = {one["layers_trained"] for one in swept}
    line = [one for one in points if one in swept or one["layers_trained"] not in taken]
    look = looks(results.groups)
    series = (
        [Series([_layer_point(one) for one in line], name="trained: the upper layers", colour=6, line="solid")]
        if line
        else []
    )
    for one in points:
        if one not in line:
            label = results.label({**one, "model_name": model})
            series.append(Series([_layer_point(one)], **look.get(label, {"name": str(one["strategy"]), "colour": 1})))
    chosen = (sweep.get("answer") or {}).get("strategy")
    if answer := next((one for one in points if chosen is not None and one["strategy"] == chosen), None):
        words = f"fewest layers that keep up with full: {answer['layers_trained']}"
        series.append(Series([_layer_point(answer)], name=words, colour=1, ring=True))
    if depths:
        said = [
            Point(one["depth"], one["score"], f"linear probe of layer {one['depth']}\n{quantities.score(one['score'])}")
            for one in depths
        ]
        series.append(
            Series(
                said, name="nothing trained: a linear probe of this layer's output", colour=-1, marker=1, line="dashed"
            )
        )
    ends = [end for one in points for end in (one.get("low"), one.get("high")) if end is not None]
    low, high = limits([point.y for one in series for point in one.points], ends)
    total = max(
        [int(one.get("total_layers") or one["layers_trained"]) for one in points]
        + [int(one["depth"]) for one in depths]
    )
    full = next((one["mean"] for one in points if one["strategy"] == sweep.get("full")), None)
    margin = results.comparison.get("margin")
    metric = str((sweep or probe).get("metric") or "score")
    # The two lines share an axis, but not what it counts: the probe's layers are read and not trained.
    across = "layers trained (or probed)" if depths and points else "layers trained" if points else "layer probed"
    return Chart(
        whole_axis(f"{across}, of {total}", 0, total),
        series,
        axis(f"validation {_words(metric)}", low, high),
        guides=[("y", full, str(sweep.get("full")))] if full is not None else [],
        band=(full - margin, full + margin) if full is not None and margin else None,
    )


def data_sizes_chart(results: Results) -> Chart | None:
    """Score by number of training examples."""
    entries = [one for one in results.entries("data_sizes") if one.get("points")]
    if not entries:
        return None
    look = looks(results.groups)
    series = []
    for number, one in enumerate(entries):
        label = results.label(one)
        points = [
            Point(
                float(point["train_examples"]),
                float(point["mean"]),
                f"{label}\n{quantities.count(point['train_examples'])} examples: {_of(point)}",
                point.get("low"),
                point.get("high"),
            )
            for point in one["points"]
        ]
        series.append(Series(points, line="solid", **look.get(label, {"name": label, "colour": number % 7})))
    every = [point for one in series for point in one.points]
    low, high = limits(
        [one.y for one in every], [end for one in every for end in (one.low, one.high) if end is not None]
    )
    metric = str(entries[0].get("metric") or "score")
    sizes = sorted({one.x for one in every})
    return Chart(
        log_axis("training examples", sizes, quantities.count, sizes),
        series,
        axis(f"validation {_words(metric)}", low, high),
    )


def lengths_chart(results: Results) -> Chart | None:
    """How long examples are, by split, as shares of the split."""
    lengths = (results.comparison.get("data") or {}).get("lengths") or {}
    edges, splits = list(lengths.get("edges") or ()), lengths.get("splits") or {}
    if len(edges) < 2 or not splits:
        return None
    series, unit = [], str(lengths.get("unit") or "tokens")
    for number, (name, one) in enumerate(splits.items()):
        total = sum(one["counts"]) or 1
        points = [
            Point(
                (low + high) / 2,
                100 * count / total,
                f"{name}\n{_bin(low, high, edges, lengths)} {unit}: {quantities.count(count)} examples"
                f" ({quantities.percent(count / total)})",
            )
            for low, high, count in zip(edges[:-1], edges[1:], one["counts"], strict=True)
        ]
        series.append(Series(points, name=str(name), colour=number % 7, marker=number % 7, line="solid", small=True))
    highest = max(point.y for one in series for point in one.points)
    longest = lengths.get("max_length")
    guides = [("x", float(longest), limit_in_words(lengths))] if longest and longest <= 1.1 * edges[-1] else []
    across = axis(
        unit + last_bin_in_words(lengths),
        0,
        max(edges[-1], *(place for _, place, _ in guides)) if guides else edges[-1],
    )
    return Chart(across, series, axis("% of the split", 0, 1.08 * highest), guides=guides)


def _curve(run: RunRecord, group: Group, metric: str) -> list[Point]:
    points = []
    for entry in thinned(run, metric):
        score = entry["validation"][metric]
        said = f"{group.label}, seed {run.seed}\nepoch {quantities.plain(entry['epoch'])}: {quantities.score(score)}"
        if entry.get("train_loss") is not None:
            said += f"\ntraining loss {quantities.plain(entry['train_loss'])}"
        if entry.get("train_seconds") is not None:
            said += f"\nafter {quantities.seconds(entry['train_seconds'])} of training"
        if entry["epoch"] == run.best_epoch:
            said += "\nselected"
        points.append(Point(float(entry["epoch"]), float(score), said))
    if points and state(run) != "done":
        last = points[-1]
        points[-1] = Point(last.x, last.y, f"{last.text}\n{state(run)}")
    return points


def _bin(low: int, high: int, edges: Sequence[int], lengths: Mapping[str, Any]) -> str:
    return f"{low + 1} or more" if lengths.get("longer") and high == edges[-1] else f"{low + 1} to {high}"


def _layer_point(one: Mapping[str, Any]) -> Point:
    said = f"{one['strategy']}: {one['layers_trained']} layers\n{_of(one)}"
    return Point(one["at"], one["mean"], said, one.get("low"), one.get("high"))


def _of(point: Mapping[str, Any]) -> str:
    low, high = point.get("low"), point.get("high")
    if low is None or high is None:
        return quantities.score(point["mean"])
    return f"{quantities.score(point['mean'])} ({quantities.score(low)} to {quantities.score(high)})"


def _entry(entries: Sequence[Mapping[str, Any]], model: str, key: str) -> Mapping[str, Any]:
    return next((one for one in entries if str(one.get("model_name")) == model and one.get(key)), {})


def _around(title: str, values: Sequence[float]) -> Axis:
    low, high = limits(values, ())
    return axis(title, low, high)


def _score(mean: float, interval: Sequence[float] | None) -> str:
    return quantities.score(mean) + (f" ± {quantities.score(interval[2] - mean)}" if interval else "")


def _words(metric: str) -> str:
    return metric.replace("_", " ")
