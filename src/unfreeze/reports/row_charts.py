"""The interactive figures with a row for each strategy or label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from unfreeze.reports import quantities
from unfreeze.reports.chart import Axis, Chart, Point, Series, axis, looks, seconds_axis
from unfreeze.reports.costs import SECONDS_SPLIT
from unfreeze.reports.data_figures import frequent_labels
from unfreeze.reports.groups import Group, full_of
from unfreeze.reports.intervals import limits
from unfreeze.reports.results import Results
from unfreeze.statistics.student import mean_interval


def scores_chart(results: Results) -> Chart | None:
    """Mean and interval of each strategy with its seeds, on the test set where there is one."""
    metric, look = results.metric, looks(results.groups)
    split = next((one for one in ("test", "validation") if any(g.scores(one, metric) for g in results.groups)), None)
    shown = [(group, group.scores(split, metric)) for group in results.groups if split and group.scores(split, metric)]
    if not shown:
        return None
    words = f"{results.main_test if split == 'test' else split} {metric.replace('_', ' ')}"
    series = []
    for row, (group, scores) in enumerate(shown):
        mean, interval = float(np.mean(scores)), mean_interval(scores)
        said = f"{group.label}: {quantities.score(mean)}"
        said += (
            f"\n95 % interval {quantities.score(interval[1])} to {quantities.score(interval[2])}" if interval else ""
        )
        if split == "test" and (chosen := group.scores("validation", metric)):
            said += f"\nvalidation (selects): {quantities.score(float(np.mean(chosen)))}"
        ends = interval[1:] if interval else (None, None)
        by_seed = [
            Point(score, row, f"{group.label}, seed {run.seed}: {quantities.score(score)}")
            for run in group.counted
            if (score := (run.test if split == "test" else run.validation).get(metric)) is not None
        ]
        series.append(Series(by_seed, small=True, **{**look[group.label], "marker": 0}))
        series.append(Series([Point(mean, row, said, *ends)], **{**look[group.label], "marker": 3}))
    intervals = [mean_interval(scores) for _, scores in shown]
    low, high = limits(
        [one for _, scores in shown for one in scores], [end for one in intervals for end in (one or ())[1:]]
    )
    baseline = results.comparison.get("baseline") or {}
    guides = []
    if (baseline.get("split"), baseline.get("metric")) == (split, metric) and low < (
        baseline.get("score") or -1.0
    ) < high:
        guides.append(("x", float(baseline["score"]), "always the same answer"))
    rows = [group.label for group, _ in shown]
    return Chart(axis(words, low, high), series, rows=rows, rows_are_strategies=True, guides=guides)


def cost_split_chart(results: Results) -> Chart | None:
    """Where the seconds of each strategy went."""
    groups = [one for one in results.groups if one.counted and _seconds(one)]
    if not groups:
        return None
    series = []
    for number, (words, _) in enumerate(SECONDS_SPLIT):
        points = []
        for row, group in enumerate(groups):
            split = _seconds(group)
            before = sum(split.get(one, 0.0) for one, _ in SECONDS_SPLIT[:number])
            if value := split.get(words):
                share = quantities.percent(value / sum(split.values()))
                said = f"{group.label}\n{words}: {quantities.seconds(value)}, {share}"
                points.append(Point(before + value, row, said, start=before))
        if points:
            series.append(Series(points, name=words, colour=number))
    longest = max(sum(_seconds(one).values()) for one in groups)
    across = seconds_axis("mean over seeds", longest)
    return Chart(across, series, rows=[one.label for one in groups], rows_are_strategies=True)


def time_chart(results: Results) -> Chart | None:
    """Training time of each strategy, with its share of full fine-tuning's."""
    found = [(one, value) for one in results.groups if (value := one.fit_seconds) is not None]
    longest = max((value for _, value in found), default=0.0)
    across = seconds_axis("training time, mean over seeds", longest)
    return _cost_bars(results, found, "training time", quantities.seconds, across, Group.overlaps)


def compute_chart(results: Results) -> Chart | None:
    """Training FLOPs of each strategy, with their share of full fine-tuning's."""
    found = [(one, value) for one in results.groups if (value := one.mean(lambda run: run.flops)) is not None]
    most = max((value for _, value in found), default=0.0)
    across = axis("training compute, mean over seeds", 0.0, 1.02 * most, quantities.operations)
    return _cost_bars(results, found, "training compute", quantities.operations, across, lambda one, other: False)


def _cost_bars(
    results: Results,
    found: Sequence[tuple[Group, float]],
    words: str,
    write: Callable[[float | None], str],
    across: Axis,
    unclear: Callable[[Group, Group], bool],
) -> Chart | None:
    if not found:
        return None
    references, values = full_of(one for one, _ in found), {one.label: value for one, value in found}
    look, series = looks(results.groups), []
    for row, (group, value) in enumerate(found):
        name = write(value)
        said = f"{group.label}\n{words}: {name}"
        if (reference := references.get((group.model_name, group.train_examples))) and values[reference.label]:
            if unclear(group, reference):
                said += ", not told apart from full"
                name += " (not told apart)"
            else:
                share = quantities.percent(value / values[reference.label])
                said += f", {share} of full"
                name += f" ({share})"
        series.append(Series([Point(value, row, said, start=0.0, name=name)], **look[group.label]))
    return Chart(across, series, rows=[one.label for one, _ in found], rows_are_strategies=True)


def labels_chart(results: Results) -> Chart | None:
    """How often each label occurs, by split."""
    counted = (results.comparison.get("data") or {}).get("label_counts") or {}
    labels = frequent_labels(counted)
    if not labels:
        return None
    series, highest = [], 0.0
    for number, (name, split) in enumerate(counted.items()):
        total = sum(split.values()) or 1
        shares = {one: 100 * split.get(one, 0) / total for one in labels}
        highest = max(highest, *shares.values())
        points = [
            Point(
                shares[one],
                row,
                f"{one}, {name}: {quantities.count(split.get(one, 0))}, {quantities.percent(shares[one] / 100)}",
            )
            for row, one in enumerate(labels)
        ]
        series.append(Series(points, name=str(name), colour=number % 7, marker=number % 7))
    return Chart(axis("% of the split", 0, 1.05 * highest), series, rows=labels)


def _seconds(group: Group) -> dict[str, float]:
    """Mean seconds of a run by what they went into, without what was not measured."""
    split = {words: group.mean(lambda run, key=key: getattr(run, key)) for words, key in SECONDS_SPLIT}  # type: ignore[misc]
    return {words: value for words, value in split.items() if value}
