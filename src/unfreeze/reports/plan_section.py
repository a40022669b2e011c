"""What was predicted before the runs, and what they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Paragraph, Section, Table
from unfreeze.reports.groups import Group
from unfreeze.reports.results import Results
from unfreeze.storage.records import RunRecord


@dataclass(frozen=True)
class _Quantity:
    """A predicted number of one run: its key in `plan`, how it is said, and what the records say of it."""

    key: str
    words: str
    write: Callable[[float | None], str]
    actual: Callable[[RunRecord], float | None]


_QUANTITIES = (
    _Quantity("train_seconds", "training", quantities.seconds, lambda run: run.train_seconds),
    _Quantity("peak_memory_bytes", "peak memory", quantities.memory, lambda run: run.peak_memory_bytes),
    _Quantity("disk_bytes", "on disk", quantities.memory, lambda run: run.disk_bytes),
)


def plan_against_actual(results: Results) -> Section:
    """The predicted range of each number, what it was, and whether it lies inside."""
    groups = {(group.model_name, group.strategy): group for group in results.groups}
    planned = [(entry, groups[key]) for entry in results.entries("plan") if (key := _key(entry)) in groups]
    if not planned:
        return Section("Plan against actual", [])
    counts: dict[str, Counter[bool]] = {one.words: Counter() for one in _QUANTITIES}
    rows = []
    for entry, group in planned:
        cells = []
        for one in _QUANTITIES:
            ends, value = entry.get(one.key), group.mean(one.actual)
            cells += [quantities.span(ends, one.write), _judged(value, ends, one.write)]
            if value is not None and ends:
                counts[one.words][ends[0] <= value <= ends[-1]] += 1
        rows.append([results.label(entry), *cells, _steps(entry, group), *_all_runs(entry, results.records)])
    header = ["strategy", *(f"{one.words}: {which}" for one in _QUANTITIES for which in ("planned", "actual"))]
    header += ["steps", "all runs: planned", "recorded"]
    kept = [i for i in range(len(header)) if any(row[i] for row in rows)]
    table = Table(
        [header[i] for i in kept],
        [[row[i] for i in kept] for row in rows],
        "Of one run; actual is the mean over seeds. All runs are planned with loading and the final test; recorded is "
        "what they spent on training, evaluation, caching, testing and saving, where just the planned runs are there.",
    )
    blocks: list[Block] = [Paragraph(sentence)] if (sentence := _summary(counts)) else []
    if any((run.runs_at_once or 1) > 1 for _, group in planned for run in group.counted):
        blocks.append(Paragraph("Some runs shared the machine with others, which makes them slower than planned."))
    return Section("Plan against actual", [*blocks, table])


def _key(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry.get("model_name")), str(entry.get("strategy"))


def _all_runs(entry: Mapping[str, Any], records: Sequence[RunRecord]) -> list[str]:
    """What all runs of a strategy were planned to take and what they took, those on a part of the data among them."""
    runs = [run for run in records if (run.model_name, run.strategy) == _key(entry)]
    seconds = [
        (run.train_seconds or 0.0)
        + (run.evaluate_seconds or 0.0)
        + (run.cache_seconds or 0.0)
        + (run.test_seconds or 0.0)
        + (run.save_seconds or 0.0)
        for run in runs
        if run.train_seconds is not None
    ]
    known = len(seconds) == entry.get("runs") == len(runs)
    return [
        quantities.span(entry.get("seconds"), quantities.seconds),
        quantities.seconds(sum(seconds)) if known else "",
    ]


def _judged(value: float | None, ends: Sequence[float] | None, write: Callable[[float | None], str]) -> str:
    if value is None or not ends:
        return write(value)
    low, high = ends[0], ends[-1]
    if low <= value <= high:
        return f"{write(value)}, inside"
    end, word = (high, "above") if value > high else (low, "below")
    return f"{write(value)}, {quantities.percent(abs(value - end) / end)} {word}" if end else f"{write(value)}, {word}"


def _steps(entry: Mapping[str, Any], group: Group) -> str:
    """Where a run stopped early it took less than planned, and this says so."""
    planned, actual = entry.get("steps"), group.mean(lambda run: run.steps)
    if planned is None or actual is None:
        return ""
    return quantities.count(actual) + ("" if actual == planned else f", planned {quantities.count(planned)}")


def _summary(counts: Mapping[str, Counter[bool]]) -> str:
    parts = [f"{words} {found[True]} of {found.total()}" for words, found in counts.items() if found]
    return f"Inside the predicted range: {', '.join(parts)}." if parts else ""
