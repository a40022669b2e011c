"""The sections on what quality costs: which strategies are worth it, how soon they are good, where the time went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Paragraph, Section, Table
from unfreeze.reports.costs import COSTS, Cost
from unfreeze.reports.groups import Group
from unfreeze.reports.leaderboard import Row, leaderboard
from unfreeze.reports.results import Results
from unfreeze.statistics.ranges import overlap
from unfreeze.storage.records import RunRecord


def worth(results: Results) -> Section:
    """For each cost the strategies that no other beats, as a table and a figure."""
    known = results.comparison.get("pareto") or {}
    fronts = {cost.name: list(known[cost.name]) for cost in COSTS if known.get(cost.name)}
    rows = [row for row in leaderboard(results.records, results.entries("speeds")) if row.validation]
    several = len({row.model_name for row in rows}) > 1
    named = {f"{row.strategy} on {row.model_name}" if several else row.strategy: row for row in rows}
    if not fronts:
        return Section("Which strategies are worth their cost", [])
    explanation = (
        "Listed are the strategies that no other beats: whichever is at least as good costs more. "
        "It goes by mean validation scores, so between neighbours chance may have decided; see Pair by pair."
    )
    unknown = [cost.words for cost in COSTS if cost.name not in fronts]
    if unknown:
        explanation += f" Not known for every strategy, so without a list: {quantities.listed(unknown)}."
    beaten = [row.label for name, row in named.items() if not any(name in front for front in fronts.values())]
    if beaten:
        explanation += f" On no list: {', '.join(beaten)}."
    blocks: list[Block] = [Paragraph(explanation)]
    pictures = {picture.name: picture for picture in results.pictures_of("pareto")}
    for cost in COSTS:
        front = [named[name] for name in fronts.get(cost.name, ()) if name in named]
        blocks += [_front(front, cost)] if front else []
        if cost.figure in pictures:
            blocks.append(pictures[cost.figure].image())
    return Section("Which strategies are worth their cost", blocks)


def time_to_quality(results: Results) -> Section:
    """How long each strategy trains until it is nearly as good as the best."""
    found = results.comparison.get("time_to_quality") or {}
    strategies = list(found.get("strategies") or ())
    if not strategies or found.get("target") is None:
        return Section("Time to quality", [])
    infinite = float("inf")
    strategies.sort(key=lambda one: infinite if one.get("seconds") is None else one["seconds"])
    rows = [
        [
            results.label(one),
            quantities.seconds(one.get("seconds")) or ("not by all" if one.get("reached") else "not reached"),
            quantities.seconds(one.get("train_seconds")),
            quantities.seconds(one.get("resolution_seconds")),
            f"{one.get('reached')} of {one.get('runs')}",
        ]
        for one in strategies
    ]
    metric = str(found.get("metric") or "score").replace("_", " ")
    caption = (
        f"Until the first evaluation with a validation {metric} of at least {quantities.score(found['target'])}, "
        f"{quantities.percent(found.get('share'))} of the best strategy's; mean over seeds. It may have been reached "
        "earlier, since the evaluation before. The whole time holds evaluations and, for frozen layers, filling their "
        "cache; training is optimisation alone."
    )
    header = ["strategy", "whole time", "training", "or earlier by up to", "runs that reached it"]
    first = len(strategies) > 1 and _is_ahead(*strategies[:2])
    return Section("Time to quality", [Table(header, rows, caption, frozenset({(0, 1)} if first else ()))])


def _is_ahead(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """By more than the time since the evaluation before? Within that nobody knows when the score was reached."""
    if first.get("seconds") is None:
        return False
    unknown = max(float(one.get("resolution_seconds") or 0.0) for one in (first, second))
    return second.get("seconds") is None or second["seconds"] - first["seconds"] > unknown


def costs(results: Results) -> Section:
    """Where the time of each strategy went."""
    groups = [group for group in results.groups if group.counted]
    columns = {
        "training time": [quantities.seconds(group.fit_seconds) for group in groups],
        "from seed to seed": [_span(group) for group in groups],
        "training": [quantities.seconds(group.mean(lambda run: run.train_seconds)) for group in groups],
        "evaluation": [quantities.seconds(group.mean(lambda run: run.evaluate_seconds)) for group in groups],
        "caching": [quantities.seconds(group.mean(lambda run: run.cache_seconds)) for group in groups],
        "testing": [quantities.seconds(group.mean(lambda run: run.test_seconds)) for group in groups],
        "saving": [quantities.seconds(group.mean(lambda run: run.save_seconds)) for group in groups],
        "tokens / s": [quantities.count(group.mean(lambda run: run.tokens_per_second)) for group in groups],
        "compute": [quantities.operations(group.mean(lambda run: run.flops)) for group in groups],
        "peak memory": [quantities.memory(group.mean(lambda run: run.peak_memory_bytes)) for group in groups],
        "on disk": [quantities.memory(group.mean(lambda run: run.disk_bytes)) for group in groups],
        "steps": [quantities.count(group.mean(lambda run: run.steps)) for group in groups],
        "learning rate": [_learning_rate(group) for group in groups],
        "precision": [", ".join(sorted({run.precision for run in group.counted if run.precision})) for group in groups],
    }
    shown = {title: cells for title, cells in columns.items() if any(cells)}
    rows = [[group.label, *cells] for group, *cells in zip(groups, *shown.values(), strict=True)]
    texts = frozenset({1 + list(shown).index("precision")} if "precision" in shown else ())
    table = Table(["strategy", *shown], rows, _what_costs_are(shown), texts=texts)
    blocks: list[Block] = [*(picture.image() for picture in results.pictures_of("costs")), table]
    if shared := _several(groups, lambda run: run.runs_at_once, "timed while {} runs shared the machine"):
        blocks += [Paragraph("Where runs shared the machine, seconds are longer than they need be:"), Bullets(shared)]
    if together := _several(groups, lambda run: run.processes, "{} processes"):
        blocks += [Paragraph("Several processes shared the steps of each run:"), Bullets(together)]
    return Section("Costs", blocks if rows else [])


def _front(front: Sequence[Row], cost: Cost) -> Table:
    """The cheapest first, with what each one brings beyond the one before it."""
    metric = front[0].metric.replace("_", " ")
    rows, before = [], None
    for row in front:
        value = getattr(row, cost.name)
        more = ""
        if before is not None and value is not None and getattr(before, cost.name) and row.validation:
            gain = row.validation.mean - (before.validation.mean if before.validation else 0.0)
            unclear = cost.name == "fit_seconds" and overlap(row.fit_range, before.fit_range)
            times = "a time not told apart" if unclear else _times(value / getattr(before, cost.name))
            more = f"{quantities.signed(gain)} for {times}"
        rows.append([row.label, str(row.validation or ""), cost.write(value), more])
        before = row
    header = ["strategy", f"validation {metric}", cost.words, "against the one above"]
    caption = f"Against {cost.words}, cheapest first."
    return Table(header, rows, caption)


def _times(ratio: float) -> str:
    """
    >>> _times(1.004), _times(1.49), _times(2.34), _times(113.1)
    ('about as much', '49 % more', '2.3 times as much', '113 times as much')
    """
    if ratio < 1.01:
        return "about as much"
    if ratio < 2:
        return f"{quantities.percent(ratio - 1)} more"
    return f"{ratio:.{0 if ratio >= 10 else 1}f} times as much"


def _span(group: Group) -> str:
    return quantities.span(group.fit_range, quantities.seconds) if len(group.counted) > 1 else ""


def _learning_rate(group: Group) -> str:
    """The rate, and where it is from unless that is the strategy's default."""
    origins = sorted({run.learning_rate_from for run in group.counted if run.learning_rate_from})
    origin = ", ".join(one for one in origins if one != "default")
    rate = quantities.plain(group.mean(lambda run: run.learning_rate))
    return f"{rate} ({origin})" if rate and origin else rate


def _what_costs_are(shown: dict[str, list[str]]) -> str:
    said = (
        "Mean over seeds. The training time is that of training (optimisation alone), of the evaluations in it and, "
        "for frozen layers, of filling their cache, as if each run stood alone. Caching is what a run really waited: "
        "the first one fills the cache, the others find it. Testing is of the test sets; saving of checkpoints and of "
        "the model, its verification included."
    )
    if "peak memory" in shown:
        said += " Peak memory is that of a process of its own for each run, or of the device; the weights are in it."
    if "on disk" in shown:
        said += " On disk: what has to be kept for this task, which is the adapter alone where there is one."
    return said


def _several(groups: Sequence[Group], number_of: Callable[[RunRecord], int | None], words: str) -> list[str]:
    """Of which strategies' runs a number is not 1; the words have a place for it."""
    by_number: dict[int, list[str]] = {}
    for group in groups:
        for number in sorted({number_of(run) or 1 for run in group.counted} - {1}):
            by_number.setdefault(number, []).append(group.label)
    return [
        f"{words.format(number)}: " + ("all strategies" if len(labels) == len(groups) else ", ".join(labels))
        for number, labels in sorted(by_number.items())
    ]
