"""The tables of an inspection of data, for the terminal and the page alike. Needs no matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.reports.blocks import Table
from unfreeze.reports.data_words import Summary, label_counts, label_noun, labels_of
from unfreeze.reports.quantities import count, percent, plain

MOST_LABELS = 40  # the most frequent; the JSON has all
POINTS = {
    "shortest": "shortest",
    "percentile_25": "25 %",
    "median": "median",
    "percentile_75": "75 %",
    "percentile_95": "95 %",
    "longest": "longest",
}


def split_sizes(summary: Summary) -> Table:
    """How many examples each split has, and how many words."""
    splits = summary["splits"]
    total = sum(one["examples"] for one in splits.values()) or 1
    rows = [
        [name, f"{one['examples']:,}", percent(one["examples"] / total), f"{one['words']['total'] or 0:,}"]
        for name, one in splits.items()
    ]
    header = ["split", "examples", "share", "words"]
    if any(one.get("unlabelled") for one in splits.values()):
        header.append("without a label")
        rows = [[*row, f"{one.get('unlabelled', 0):,}"] for row, one in zip(rows, splits.values(), strict=True)]
    return Table(header, rows, "Splits")


def labels_table(summary: Summary) -> Table | None:
    """How often each label occurs in each split, and its share of the split's labels."""
    counts, labels, what = label_counts(summary), labels_of(summary), label_noun(summary)
    if not labels:
        return None
    shown = labels[:MOST_LABELS]
    totals = {name: sum(split.values()) or 1 for name, split in counts.items()}
    rows = [[label, *(_share(split.get(label, 0), totals[name]) for name, split in counts.items())] for label in shown]
    values: list[list[float | str | None]] = [
        [label, *(float(split.get(label, 0)) for split in counts.values())] for label in shown
    ]
    caption = f"{what.capitalize()}s: number, and share of the split"
    if len(labels) > len(shown):
        caption += f"; the {len(shown)} most frequent of {len(labels):,} (--json has all)"
    down = frozenset(range(1, 1 + len(counts)))
    return Table([what, *counts], rows, caption, values=values, descending=down)


def labels_of_a_text(summary: Summary) -> Table | None:
    """How many labels the texts have, where they may have several."""
    splits = {name: one.get("labels_of_a_text") or {} for name, one in summary["splits"].items()}
    numbers = sorted({int(number) for one in splits.values() for number in one})
    if not numbers:
        return None
    rows = [
        [str(number), *(_share(one.get(str(number), 0), sum(one.values()) or 1) for one in splits.values())]
        for number in numbers
    ]
    return Table(["labels", *splits], rows, "How many labels a text has")


def lengths_table(summary: Summary) -> Table | None:
    """Lengths in the unit that suits the texts."""
    unit = str((summary.get("lengths") or {}).get("unit") or "words")
    return _points({name: one[unit] for name, one in summary["splits"].items()}, _lengths_caption(summary, unit))


def _lengths_caption(summary: Summary, unit: str) -> str:
    return f"Lengths in {unit}" + (", question and context" if summary.get("task") == "question-answering" else "")


def answers_tables(summary: Summary) -> list[Table]:
    """Which questions have answers, and how long those are."""
    splits = {name: one["answers"] for name, one in summary["splits"].items() if "answers" in one}
    if not splits:
        return []
    sizes = {name: summary["splits"][name]["examples"] for name in splits}
    rows = [
        [
            name,
            f"{sizes[name]:,}",
            f"{one['contexts']:,}",
            _share(one["without"], sizes[name]),
            _share(one["several"], sizes[name]),
        ]
        for name, one in splits.items()
    ]
    header = ["split", "questions", "contexts", "without an answer", "with several"]
    lengths = _points({name: one["words"] for name, one in splits.items()}, "Lengths of the first answers in words")
    return [Table(header, rows, "Questions"), *([lengths] if lengths else [])]


def numbers_table(summary: Summary) -> Table | None:
    """The numbers to be predicted."""
    splits = {name: one["numbers"] for name, one in summary["splits"].items() if "numbers" in one}
    names = {"shortest": "lowest", "longest": "highest"}
    return _points(splits, "Numbers to predict", names)


def repeats_table(summary: Summary) -> Table | None:
    """How many examples are there twice."""
    rows = []
    for one in summary.get("repeats") or ():
        within = one["split"] == one["in"]
        number = _share(one["examples"], summary["splits"][one["split"]]["examples"])
        rows.append([one["split"], "itself, earlier" if within else one["in"], number, f"{one['differ']:,}"])
    header = ["examples of", "also in", "number and share", "labelled otherwise"]
    return Table(header, rows, "Repeated and leaked examples", texts=frozenset({1})) if rows else None


def _points(
    splits: Mapping[str, Mapping[str, Any]], caption: str, names: Mapping[str, str] | None = None
) -> Table | None:
    known = {name: one for name, one in splits.items() if one.get("longest") is not None}
    header = ["split", *((names or {}).get(key, words) for key, words in POINTS.items()), "mean"]
    rows = [[name, *(_number(one[key]) for key in (*POINTS, "mean"))] for name, one in known.items()]
    return Table(header, rows, caption) if rows else None


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else plain(value) if abs(value) < 1000 else count(value)


def _share(number: int, total: int) -> str:
    return f"{number:,} ({percent(number / total)})" if number else "0"
