"""What a report is made from: the files a comparison left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.storage.records import COMPARISON_FILE, RunRecord, find_runs, read_comparison, read_record

if TYPE_CHECKING:
    from unfreeze.reports.figures import Picture  # needs matplotlib, which a leaderboard does not

ENVIRONMENT_FILE = "environment.json"


@dataclass(frozen=True)
class Results:
    """Everything a report shows. `comparison` and `environment` are empty where their files are missing."""

    records: list[RunRecord]
    comparison: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()


def read_results(output: Path) -> Results:
    """Read a comparison's folder; without `comparison.json` (it was stopped early) the finished runs.

    Raises:
        ValueError: there is no run to report.
    """
    comparison = read_comparison(output) if (output / COMPARISON_FILE).is_file() else {}
    known = {one.name for one in fields(RunRecord)}
    records = [
        RunRecord(**{key: value for key, value in run.items() if key in known}) for run in comparison.get("runs") or []
    ]
    records = records or [read_record(folder) for folder in find_runs(output)]
    if not records:
        raise ValueError(f"{output}: no run recorded there; expected the --output of a comparison.")
    path = output / ENVIRONMENT_FILE
    environment = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return Results(records, comparison, environment)
