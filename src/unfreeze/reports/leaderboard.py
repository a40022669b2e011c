"""One line for each strategy: quality with its interval, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from unfreeze.reports import quantities
from unfreeze.reports.groups import Group, full_of, group_runs, is_better_high, selection_metric, state
from unfreeze.reports.results import Results, read_results
from unfreeze.reports.tables import to_csv, to_markdown
from unfreeze.statistics.student import mean_interval
from unfreeze.storage.atomic import write_text
from unfreeze.storage.records import RunRecord

CSV_FILE = "leaderboard.csv"
MARKDOWN_FILE = "leaderboard.md"


@dataclass(frozen=True)
class SeedScores:
    """Mean over seeds and its 95 % interval, which one seed does not have."""

    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.high is None:
            return quantities.score(self.mean)
        return f"{quantities.score(self.mean)} ± {quantities.score(self.high - self.mean)}"


@dataclass(frozen=True)
class Row:
    """One strategy on one model. Costs are means over the runs that count; what was not measured is None."""

    label: str
    model_name: str
    strategy: str
    train_examples: int | None
    metric: str
    validation: SeedScores | None
    test: SeedScores | None
    seeds: int  # runs that count
    trainable_parameters: float | None
    trainable_share: float | None
    train_seconds: float | None  # optimisation alone
    fit_seconds: float | None  # with evaluations and the cache of frozen layers, as if each run stood alone
    fit_range: tuple[float, float] | None  # from the shortest to the longest run
    seconds_to_best: float | None
    texts_per_second: float | None  # that its network answers; known where there are networks of several shapes
    flops: float | None
    flops_of_full: float | None  # as a share of full fine-tuning's
    time_saved: float | None  # 1 - fit_seconds / full's
    times_overlap: bool | None  # with those of full: chance alone may have made the difference
    peak_memory_bytes: float | None
    disk_bytes: float | None  # what has to be kept for this task
    epochs_run: float | None
    converged: str
    status: str


@dataclass(frozen=True)
class Column:
    """How a table shows one number of a row, and which end of it is the good one."""

    title: str
    value: Callable[[Row], float | None]
    text: Callable[[Row], str]
    better: Literal["high", "low"] | None = None


def leaderboard(records: Sequence[RunRecord], speeds: Sequence[Mapping[str, Any]] = ()) -> list[Row]:
    """The rows, best mean validation score first; runs on a part of the training data have none.

    Args:
        speeds: what `comparison.json` says under that key.
    """
    groups = group_runs(records)
    metric = selection_metric(records) or ""
    full = full_of(groups)
    by_shape = {(one["model_name"], one["num_layers"]): float(one["texts_per_second"]) for one in speeds}
    return [_row(one, full.get((one.model_name, one.train_examples)), metric, by_shape) for one in groups]


def columns(rows: Sequence[Row]) -> list[Column]:
    """The columns of a readable table, without those that are empty in every row and a status that is always done."""
    metric = rows[0].metric if rows else ""
    good: Literal["high", "low"] = "high" if is_better_high(metric) else "low"
    title = metric.replace("_", " ") or "score"
    candidates = [
        Column(f"validation {title}", lambda row: _mean(row.validation), lambda row: _text(row.validation), good),
        Column(f"test {title}", lambda row: _mean(row.test), lambda row: _text(row.test), good),
        _column("texts / s", lambda row: row.texts_per_second, quantities.count, "high"),
        Column("seeds", lambda row: row.seeds, lambda row: str(row.seeds)),
        Column("trainable parameters", lambda row: row.trainable_parameters, _parameters, "low"),
        _column("training time", lambda row: row.fit_seconds, quantities.seconds, "low"),
        _column("time to best", lambda row: row.seconds_to_best, quantities.seconds, "low"),
        Column("time saved", lambda row: None if row.times_overlap else row.time_saved, _saved, "high"),
        _column("compute of full", lambda row: row.flops_of_full, quantities.percent, "low"),
        _column("peak memory", lambda row: row.peak_memory_bytes, quantities.memory, "low"),
        _column("epochs", lambda row: row.epochs_run, quantities.plain),
        Column("converged", lambda row: None, lambda row: row.converged),
        Column("status", lambda row: None, lambda row: row.status),
    ]
    shown = [column for column in candidates if any(column.text(row) for row in rows)]
    return shown if any(row.status != "done" for row in rows) else [one for one in shown if one.title != "status"]


def best_rows(column: Column, rows: Sequence[Row]) -> set[int]:
    """Positions of the rows with the best value of a column; none where there is nothing to choose."""
    known = [(value, position) for position, row in enumerate(rows) if (value := column.value(row)) is not None]
    if column.better is None or len({value for value, _ in known}) < 2:
        return set()
    best = (max if column.better == "high" else min)(value for value, _ in known)
    return {position for value, position in known if value == best}


def write_leaderboard(output: Path, results: Results | None = None) -> list[Row]:
    """Write `leaderboard.csv` (bare numbers) and `leaderboard.md` (to read) of a comparison.

    Args:
        results: what `read_results` read there, where that is there already.
    """
    results = read_results(output) if results is None else results
    rows = leaderboard(results.records, results.entries("speeds"))
    write_text(output / CSV_FILE, leaderboard_csv(rows))
    write_text(output / MARKDOWN_FILE, leaderboard_markdown(rows, mark=results.are_comparable))
    return rows


def leaderboard_markdown(rows: Sequence[Row], *, mark: bool = True) -> str:
    """A table to read; the best value of each column is bold, if it is to be marked."""
    shown = columns(rows)
    marked = [best_rows(column, rows) for column in shown]
    body = [[row.label, *(column.text(row) for column in shown)] for row in rows]
    bold = {(position, 1 + number) for number, best in enumerate(marked) for position in best if mark}
    return to_markdown(["strategy", *(column.title for column in shown)], body, bold=bold)


def leaderboard_csv(rows: Sequence[Row]) -> str:
    """A table for programs: one line for each strategy, numbers without rounding or units."""
    header = ["model_name", "strategy", "train_examples", "metric"]
    header += [f"{split}_{part}" for split in ("validation", "test") for part in ("mean", "low", "high")]
    numbers = [
        "seeds",
        "trainable_parameters",
        "trainable_share",
        "train_seconds",
        "fit_seconds",
        "seconds_to_best",
        "texts_per_second",
        "flops",
    ]
    numbers += [
        "flops_of_full",
        "time_saved",
        "times_overlap",
        "peak_memory_bytes",
        "disk_bytes",
        "epochs_run",
        "converged",
        "status",
    ]
    body = [
        [row.model_name, row.strategy, row.train_examples, row.metric]
        + [getattr(of, part) if of else None for of in (row.validation, row.test) for part in ("mean", "low", "high")]
        + [getattr(row, name) for name in numbers]
        for row in rows
    ]
    return to_csv(header + numbers, body)


def _row(group: Group, full: Group | None, metric: str, speeds: Mapping[tuple[str, int | None], float]) -> Row:
    flops = group.mean(lambda run: run.flops)
    time_of_full = _ratio(group.fit_seconds, full.fit_seconds if full else None)
    return Row(
        label=group.label,
        model_name=group.model_name,
        strategy=group.strategy,
        train_examples=group.train_examples,
        metric=metric,
        validation=seed_scores(group.scores("validation", metric)),
        test=seed_scores(group.scores("test", metric)),
        seeds=len(group.counted),
        trainable_parameters=group.mean(lambda run: run.trainable_parameters),
        trainable_share=group.mean(lambda run: _ratio(run.trainable_parameters, run.total_parameters)),
        train_seconds=group.mean(lambda run: run.train_seconds),
        fit_seconds=group.fit_seconds,
        fit_range=group.fit_range,
        seconds_to_best=group.mean(lambda run: run.seconds_to_best),
        texts_per_second=group.mean(lambda run: speeds.get((run.model_name, run.num_layers))),
        flops=flops,
        flops_of_full=_ratio(flops, full.mean(lambda run: run.flops) if full else None),
        time_saved=None if time_of_full is None else 1 - time_of_full,
        times_overlap=None if time_of_full is None or full is None else group.overlaps(full),
        peak_memory_bytes=group.mean(lambda run: run.peak_memory_bytes),
        disk_bytes=group.mean(lambda run: run.disk_bytes),
        epochs_run=group.mean(lambda run: run.epochs_run),
        converged=_converged(group),
        status=_status(group),
    )


def seed_scores(values: Sequence[float]) -> SeedScores | None:
    """Of one score for each seed; None without any."""
    if not values:
        return None
    interval = mean_interval(values)
    return SeedScores(float(np.mean(values)), *(interval[1:] if interval else (None, None)))


def _converged(group: Group) -> str:
    known = [run.converged for run in group.counted if run.converged is not None]
    if not known:
        return ""
    return "yes" if all(known) else "no" if not any(known) else f"{sum(known)} of {len(known)}"


def _status(group: Group) -> str:
    counts = Counter(map(state, group.runs))
    if len(counts) == 1:
        return state(group.runs[0])
    return ", ".join(f"{number} {status}" for status, number in counts.most_common())


def _column(
    title: str,
    value: Callable[[Row], float | None],
    write: Callable[[float | None], str],
    better: Literal["high", "low"] | None = None,
) -> Column:
    return Column(title, value, lambda row: write(value(row)), better)


def _parameters(row: Row) -> str:
    share = quantities.percent(row.trainable_share)
    return quantities.count(row.trainable_parameters) + (f" ({share})" if share else "")


def _saved(row: Row) -> str:
    return "not told apart" if row.times_overlap else quantities.percent(row.time_saved)


def _mean(scores: SeedScores | None) -> float | None:
    return scores.mean if scores else None


def _text(scores: SeedScores | None) -> str:
    return str(scores) if scores else ""


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None
