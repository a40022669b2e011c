"""A corpus: all splits of one dataset, read, checked and ready for a task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

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
    told: tuple[Finding, ...] = ()  # notes and warnings as they were told, with their places

    @property
    def splits(self) -> dict[str, tuple[Example, ...]]:
        """All of them by name: train, validation, then the test sets."""
        return {"train": self.train, "validation": self.validation, **self.tests}


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
