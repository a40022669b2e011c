"""Runs that learnt nothing, and what the most frequent answer scores without learning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unfreeze.experiments.answers import read_answers
from unfreeze.statistics.degenerate import Row, degeneracy, majority_baseline, same_number
from unfreeze.storage.records import RECORD_FILE, RunRecord, read_record
from unfreeze.tasks import Task
from unfreeze.tasks.task import Comparable


def read_judged_record(folder: Path, task: type[Task]) -> RunRecord:
    """The record of a run, with `degenerate` also where an older version wrote it without that answer."""
    record = read_record(folder)
    if record.status != "done" or "degenerate" in json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")):
        return record
    return replace(record, degenerate=degenerate_reason(folder, task))


def degenerate_reason(folder: Path, task: type[Task]) -> str | None:
    """Why the validation predictions of a finished run show that it learnt nothing; None if they do not."""
    answers = read_answers(folder, ["validation"], task).get("validation")
    if answers is None:
        return None
    return learnt_nothing(answers.gold, answers.predicted, answers.compared, task.unit)


def learnt_nothing(
    gold: Sequence[Any], predicted: Sequence[Any], compared: Sequence[Comparable], unit: str
) -> str | None:
    """Why these answers show that nothing was learnt, be they labels or numbers; None if they do not."""
    if gold and all(isinstance(one, float) for one in gold):
        return same_number(gold, predicted, unit)
    if not compared and all(isinstance(one, list | tuple) for one in gold):
        return degeneracy(gold, predicted, unit)  # of an objective, which makes its own answers
    return degeneracy([one.gold for one in compared], [one.predicted for one in compared], unit)


def baseline_entry(
    train_labels: Sequence[Row | None], gold: Sequence[Row], metric: str, task: type[Task], *, split: str
) -> dict[str, Any] | None:
    """What always answering the most frequent training label scores on the gold rows of a split, as `baseline` says it.

    None where the metric cannot be computed from counts, where there is no label, or where answers are no labels.
    """
    known = [row for row in train_labels if row is not None]
    if metric not in task.resampled or not task.has_labels or not gold:
        return None
    found = majority_baseline(known, gold, task.resampled[metric].of)
    return {"split": split, "metric": metric, "label": found.label, "score": found.score} if found else None
