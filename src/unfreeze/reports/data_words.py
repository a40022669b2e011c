"""What inspection found in data, in words: the same in a terminal and on the page. Needs no matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.reports.quantities import listed

Summary = Mapping[str, Any]  # what `unfreeze inspect --data --json` prints

SEVERITIES = ("error", "warning", "note")


def headline(summary: Summary) -> str:
    """How much there is, and how much of it is wrong.

    >>> headline({"splits": {"train": {"examples": 2, "labels": {"a": 1, "b": 1}}}, "found": []})
    '2 examples with 2 labels: no errors, no warnings.'
    """
    total = sum(one["examples"] for one in summary["splits"].values())
    faults = f"{number(found(summary, 'error'), 'error')}, {number(found(summary, 'warning'), 'warning')}"
    if not total:
        return f"The data could not be read: {faults}."
    return f"{number(total, noun(summary))}{_with(summary)}: {faults}."


def noun(summary: Summary) -> str:
    """What an example is."""
    return {"tagging": "sentence", "question-answering": "question"}.get(str(summary.get("task")), "example")


def label_noun(summary: Summary) -> str:
    """What is counted of the answers."""
    if summary.get("tag_scheme") == "iob2":
        return "entity type"
    return "tag" if summary.get("tag_scheme") == "plain" else "label"


def label_counts(summary: Summary) -> dict[str, dict[str, int]]:
    """Split -> label -> how often; of entities their types. Empty for data whose answers are no labels."""
    key = "entities" if summary.get("tag_scheme") == "iob2" else "labels"
    counts = {name: dict(one.get(key) or {}) for name, one in summary["splits"].items()}
    return counts if any(counts.values()) else {}


def labels_of(summary: Summary) -> list[str]:
    """All labels, the most frequent first."""
    counts = label_counts(summary)
    names = list(dict.fromkeys(label for split in counts.values() for label in split))
    return sorted(names, key=lambda one: -sum(split.get(one, 0) for split in counts.values()))


def found(summary: Summary, severity: str) -> int:
    """How many findings are of a severity."""
    return sum(one["severity"] == severity for one in summary.get("found") or ())


def limit_in_words(lengths: Mapping[str, Any]) -> str:
    """What `max_length` is to longer examples. Older comparisons do not tell; no more is read at once, either way.

    >>> limit_in_words({"max_length": 128, "in_windows": False}), limit_in_words({"max_length": 64, "in_windows": True})
    ('cut at 128', 'at most 64 at once')
    """
    longest = lengths.get("max_length")
    return f"cut at {longest}" if lengths.get("in_windows") is False else f"at most {longest} at once"


def last_bin_in_words(lengths: Mapping[str, Any]) -> str:
    """What stands behind the unit of a figure of lengths, where its last bin holds all that is longer.

    >>> last_bin_in_words({"edges": [0, 5, 10], "longer": 3}), last_bin_in_words({"edges": [0, 5, 10], "longer": 0})
    (' (the last bin: 6 or more)', '')
    """
    return f" (the last bin: {lengths['edges'][-2] + 1} or more)" if lengths.get("longer") else ""


def place(finding: Mapping[str, Any]) -> str:
    """The file and line of a finding; empty where it is about no single one."""
    file, line = finding.get("file"), finding.get("line")
    return "" if not file else str(file) if line is None else f"{file}:{line}"


def number(count: int, one: str) -> str:
    """
    >>> number(0, "error"), number(1, "error"), number(1200, "entity type")
    ('no errors', '1 error', '1,200 entity types')
    """
    return f"1 {one}" if count == 1 else f"{count:,} {one}s" if count else f"no {one}s"


def _with(summary: Summary) -> str:
    splits = summary["splits"]
    if labels := labels_of(summary):
        return f" with {number(len(labels), label_noun(summary))}"
    first = next(iter(splits.values()))
    if "answers" in first:
        contexts = sum(one["answers"]["contexts"] for one in splits.values() if "answers" in one)
        return f" about {number(contexts, 'context')}"
    values = [one["numbers"] for one in splits.values() if "numbers" in one]
    if values:
        low, high = min(one["shortest"] for one in values), max(one["longest"] for one in values)
        return f" with numbers from {low:g} to {high:g}"
    return ""


def tasks_in_words(summary: Summary) -> str:
    """The task and how its tags are read.

    >>> tasks_in_words({"task": "tagging", "tag_scheme": "iob2"})
    'tagging (entities, tags in IOB2)'
    """
    task = str(summary.get("task") or "not known")
    schemes = {"iob2": "entities, tags in IOB2", "plain": "one independent tag for each word"}
    scheme = schemes.get(str(summary.get("tag_scheme")))
    return f"{task} ({scheme})" if scheme else task


def splits_in_words(summary: Summary) -> str:
    """
    >>> splits_in_words({"splits": {"train": {"examples": 1200}, "test": {"examples": 3}}})
    '1,200 train and 3 test'
    """
    return listed([f"{one['examples']:,} {name}" for name, one in summary["splits"].items()])
