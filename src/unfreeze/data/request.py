"""Everything a user may say about data, with its defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unfreeze.data.examples import PRETRAINING, TASK_NAMES, TaskName
from unfreeze.data.findings import Finding, Problems, stop_on_errors
from unfreeze.data.read_settings import ReadSettings


@dataclass(frozen=True)
class DataRequest:
    """Which data to load and how. `None` means: infer it and say so."""

    data: object | None = None  # path, "sample:NAME", hub id, in-memory data, or a mapping of split -> such
    train_file: str | None = None
    validation_file: str | None = None
    test_file: tuple[str, ...] = ()  # each "PATH" or "NAME=PATH"
    task: TaskName | None = None
    format: str | None = None
    text_column: str | None = None
    text_pair_column: str | None = None
    label_column: str | None = None
    tag_column: int | str | None = None  # CoNLL: number from 1, -1 is the last; CoNLL-U: upos, xpos, feats:NAME
    label_separator: str | None = None
    label_names: str | Sequence[str] | Mapping[str, str] | Mapping[int, str] | None = None
    encoding: str | None = None
    lower_case: bool = False
    drop_missing_labels: bool = False
    data_seed: int = 42
    max_train_samples: int | None = None
    max_eval_samples: int | None = None
    validation_fraction: float = 0.1
    test_fraction: float = 0.1

    def read_settings(self) -> ReadSettings:
        """The part that readers need."""
        return ReadSettings(
            task=self.task,
            text_column=self.text_column,
            text_pair_column=self.text_pair_column,
            label_separator=self.label_separator,
            label_column=self.label_column,
            tag_column=self.tag_column,
            encoding=self.encoding,
            drop_missing_labels=self.drop_missing_labels,
            labelled=self.task not in PRETRAINING,
        )

    def check(self, *, needs_train: bool = True) -> None:
        """DataError with every value that cannot be; without `needs_train` test files alone are enough."""
        problems = Problems("settings")
        named = self.data is not None or self.train_file is not None
        if not needs_train and not (named or self.validation_file is not None or self.test_file):
            advice = "Pass --test-file or --data (a file, a folder, hub id or sample:emotion)."
            problems.error("no-data", "no data is named", advice=advice)
        elif needs_train and not named:
            advice = "Pass --data (a folder, file, hub id or sample:emotion) or --train-file."
            problems.error("no-data", "no training data is named", advice=advice)
        if self.data is not None and self.train_file is not None:
            problems.error("two-sources", "both --data and --train-file name training data", advice="Pass one.")
        if self.task is not None and self.task not in TASK_NAMES:
            problems.error("bad-task", f"--task {self.task!r}: expected {', '.join(TASK_NAMES)}")
        for name in ("validation_fraction", "test_fraction"):
            value = getattr(self, name)
            if not 0 < value < 1:
                problems.error("bad-fraction", f"--{name.replace('_', '-')} {value}: expected between 0 and 1")
        for name in ("max_train_samples", "max_eval_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                problems.error("bad-size", f"--{name.replace('_', '-')} {value}: expected at least 1")
        stop_on_errors([Finding(f.severity, f.code, f.message, advice=f.advice) for f in problems.findings])
