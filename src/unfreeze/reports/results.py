"""What a report is made from: the files a comparison left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.reports.groups import Group, group_runs, selection_metric
from unfreeze.storage.folders import ENVIRONMENT_FILE
from unfreeze.storage.lines import parse_object
from unfreeze.storage.own_files import read_own
from unfreeze.storage.records import COMPARISON_FILE, RunRecord, find_runs, read_comparison, read_record, record_from

if TYPE_CHECKING:
    from unfreeze.reports.figures import Picture  # needs matplotlib, which a leaderboard does not


@dataclass(frozen=True)
class Results:
    """Everything a report shows. `comparison` and `environment` are empty where their files are missing."""

    records: list[RunRecord]
    comparison: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()

    @cached_property
    def groups(self) -> list[Group]:
        """The runs on all training data by strategy, best first."""
        return group_runs(self.records)

    @property
    def metric(self) -> str:
        """The metric that selects; empty if no record names one."""
        return selection_metric(self.records) or ""

    @property
    def has_several_models(self) -> bool:
        """Whether a strategy alone does not say which runs are meant."""
        return len({record.model_name for record in self.records}) > 1

    @property
    def are_comparable(self) -> bool:
        """Can the scores of all models be held against each other? Not where each reads other pieces of the texts."""
        return self.comparison.get("pareto", {}) is not None

    @property
    def main_test(self) -> str:
        """The name of the test set that `RunRecord.test` is about: the first one, or "test" where none is named."""
        sizes = (self.comparison.get("data") or {}).get("sizes") or {}
        return next((name for name in sizes if name not in ("train", "validation")), "test")

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The list under a key of `comparison.json`; empty where the key is missing or null."""
        return list(self.comparison.get(key) or [])

    def label(self, entry: Mapping[str, Any]) -> str:
        """What tables and figures call the strategy of an entry with `strategy` and `model_name`."""
        strategy, model = str(entry.get("strategy")), entry.get("model_name")
        found = (one.label for one in self.groups if one.strategy == strategy and one.model_name == model)
        return next(found, f"{strategy} · {model}" if self.has_several_models and model else strategy)

    def name_model(self, entry: Mapping[str, Any]) -> str:
        """The model of an entry and a colon, to stand before a sentence; empty where there is only one model."""
        return f"{entry.get('model_name')}: " if self.has_several_models else ""

    def pictures_of(self, key: str) -> list[Picture]:
        """The figures that belong to a key of `comparison.json`."""
        return [picture for picture in self.pictures if picture.key == key]


def read_results(output: Path) -> Results:
    """Read a comparison's folder; without `comparison.json` (it was stopped early) the finished runs.

    Raises:
        ValueError: there is no run to report.
        OutputError: a file is not what a comparison writes.
    """
    comparison = read_comparison(output) if (output / COMPARISON_FILE).is_file() else {}
    records = [record_from(run, str(output / COMPARISON_FILE)) for run in comparison.get("runs") or []]
    records = records or [read_record(folder) for folder in find_runs(output)]
    if not records:
        raise ValueError(f"{output}: no run recorded there; expected the --output of a comparison.")
    path = output / ENVIRONMENT_FILE
    environment = parse_object(read_own(path), str(path)) if path.is_file() else {}
    return Results(records, comparison, environment)
