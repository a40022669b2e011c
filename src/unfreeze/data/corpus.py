"""A corpus: all splits of one dataset, read, checked and ready for a task."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from unfreeze.data.examples import Example, TaskName
from unfreeze.data.findings import Finding


@dataclass(frozen=True)
class Corpus:
    """The examples of all splits, and everything that was inferred or found on the way."""

    task: TaskName
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    tests: Mapping[str, tuple[Example, ...]]  # {"test": ...} and named ones
    tag_scheme: Literal["iob2", "plain"] | None  # None for classification; entity tags are always IOB2 here
    notes: tuple[str, ...]  # what was inferred, said aloud
    findings: tuple[Finding, ...]  # what the checks and readers warn of
    sha256: str  # over the contents of all splits, not over file names
    name: str


def splits_sha256(splits: Mapping[str, Sequence[Example]]) -> str:
    """A hash of texts, words and labels, split by split, in their order."""
    digest = hashlib.sha256()
    for split, examples in splits.items():
        digest.update(json.dumps([split, len(examples)]).encode())
        for example in examples:
            digest.update(json.dumps(example.content).encode())  # ASCII with escapes: any text has one form
    return digest.hexdigest()


def notes_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Notes as lines; what is said of several files alike is said once."""
    files: dict[Finding, list[str]] = {}
    for finding in findings:
        if finding.severity == "note":
            alike = finding if finding.line else replace(finding, file=None)
            files.setdefault(alike, []).append("" if finding.line else finding.file or "")
    lines = []
    for finding, named in files.items():
        distinct = list(dict.fromkeys(name for name in named if name))
        shown = distinct[:1] + [Path(name).name for name in distinct[1:4]]
        more = f" and {len(distinct) - 4} more" if len(distinct) > 4 else ""
        lines.append(str(replace(finding, file=", ".join(shown) + more) if shown else finding))
    return tuple(lines)


def report(corpus: Corpus) -> dict[str, Any]:
    """Sizes, label counts and lengths of a corpus as plain values, for `unfreeze inspect --data`."""
    splits = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}
    return {
        "name": corpus.name,
        "task": corpus.task,
        "tag_scheme": corpus.tag_scheme,
        "sha256": corpus.sha256,
        "splits": {name: _split_report(examples) for name, examples in splits.items()},
        "notes": list(corpus.notes),
        "findings": [str(finding) for finding in corpus.findings],
    }


def _split_report(examples: Sequence[Example]) -> dict[str, Any]:
    lengths = sorted(len(example.shown.split()) for example in examples)
    counts = Counter(label for example in examples for label in example.labels)
    words: dict[str, float | int | None] = dict.fromkeys(("total", "mean", "median", "percentile_95", "longest"))
    if lengths:
        words = {
            "total": sum(lengths),
            "mean": round(statistics.fmean(lengths), 2),
            "median": statistics.median(lengths),
            "percentile_95": lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))],
            "longest": lengths[-1],
        }
    return {"examples": len(examples), "labels": dict(counts.most_common()), "words": words}
