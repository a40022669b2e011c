"""Runs that learnt nothing, and what the most frequent answer scores without learning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unfreeze.experiments.answers import read_answers
from unfreeze.metrics.resampling import RESAMPLED_METRICS, Row, example_counts, score_of_counts
from unfreeze.statistics.degenerate import degeneracy, majority_baseline
from unfreeze.storage.records import RECORD_FILE, RunRecord, read_record


def read_judged_record(folder: Path) -> RunRecord:
    """The record of a run, with `degenerate` also where an older version wrote it without that answer."""
    record = read_record(folder)
    if record.status != "done" or "degenerate" in json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")):
        return record
    return replace(record, degenerate=degenerate_reason(folder))


def degenerate_reason(folder: Path) -> str | None:
    """Why the validation predictions of a finished run show that it learnt nothing; None if they do not."""
    answers = read_answers(folder, ["validation"]).get("validation")
    return degeneracy(answers.gold, answers.predicted) if answers else None


def baseline_entry(
    train_labels: Sequence[Row | None], gold: Sequence[Row], metric: str, *, split: str
) -> dict[str, Any] | None:
    """What always answering the most frequent training label scores on the gold rows of a split, as `baseline` says it.

    None where the metric cannot be computed from counts, or where there is no label.
    """
    known = [row for row in train_labels if row is not None]
    if metric not in RESAMPLED_METRICS or not gold:
        return None

    def score(gold: Sequence[Row], predicted: Sequence[Row]) -> float:
        return float(score_of_counts(metric, example_counts(metric, gold, predicted).sum(axis=0)))

    found = majority_baseline(known, gold, score)
    return {"split": split, "metric": metric, "label": found.label, "score": found.score} if found else None
