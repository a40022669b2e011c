"""What one run leaves behind, self-sufficient: reports and statistics read records and need no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from unfreeze.storage.atomic import write_json
from unfreeze.storage.folders import OutputError
from unfreeze.storage.lines import MOVE_ASIDE, parse_object, read_lines
from unfreeze.storage.own_files import read_own
from unfreeze.storage.typed import typed

RECORD_FILE = "record.json"
PREDICTIONS_FILE = "predictions.jsonl"
METRICS_FILE = "metrics.jsonl"
COMPARISON_FILE = "comparison.json"
SCHEMA_VERSION = 1

Status = Literal["done", "diverged", "failed"]


@dataclass(frozen=True)
class RunRecord:
    """One strategy with one seed on one model and data set. A number that was not measured is None."""

    strategy: str  # as typed after --strategy
    seed: int
    model_name: str
    task: str
    status: Status
    error: str | None = None
    train_examples: int | None = None
    train_share: float | None = None  # of the training data, where a run used a part of it
    data_sha256: str | None = None
    teacher: str | None = None  # the trained model that a student learns from
    vocabulary_sha256: str | None = None  # of the pieces of the model's tokenizer and their ids
    learning_rate: float | None = None
    learning_rate_from: Literal["default", "typed", "setting", "search"] | None = None
    budget: str | None = None  # as typed after --budget
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    trains: str | None = None  # what trains, in words
    num_layers: int | None = None  # layers with weights of their own
    epochs_planned: int | None = None
    epochs_run: int | None = None
    steps: int | None = None
    train_seconds: float | None = None  # optimisation only: no evaluation, no caching, no saving
    evaluate_seconds: float | None = None  # of the evaluations while training
    cache_seconds: float | None = None  # finding or filling the cache of frozen layers
    cache_fill_seconds: float | None = None  # what filling it took, in this run or the one that did it
    fit_seconds: float | None = None  # seconds of training, evaluation and filling: as if the run stood alone
    seconds_to_best: float | None = None  # of the same from the start to the selected evaluation
    test_seconds: float | None = None  # of the test sets, with what was cached for them
    save_seconds: float | None = None  # checkpoints, the saved model and its verification
    tokens_per_second: float | None = None  # real tokens trained on for each second of train_seconds
    flops: float | None = None
    peak_memory_bytes: int | None = None  # of a process of its own (CPU) or of the device; else None
    runs_at_once: int | None = None  # runs that shared the machine with this one, itself included
    threads: int | None = None  # that its products were computed with, if on the CPU
    processes: int | None = None  # that trained it together, each with a share of every batch
    disk_bytes: int | None = None  # of what has to be kept for this task: the adapter where there is one, or the model
    best_epoch: float | None = None
    converged: bool | None = None
    degenerate: str | None = None  # why the predictions show that it learnt nothing; None: they do not
    selection_metric: str | None = None
    validation: dict[str, float] = field(default_factory=dict)  # metric to value, selected weights
    test: dict[str, float] = field(default_factory=dict)
    tests: dict[str, dict[str, float]] = field(default_factory=dict)  # further named test sets
    breakdown: dict[str, dict[str, float]] = field(
        default_factory=dict
    )  # scores by label or entity type, on test where there is one
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry for each evaluation
    precision: str | None = None
    notes: list[str] = field(default_factory=list)
    model: str | None = None  # folder of the saved model, relative to the comparison


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `record.json`; the run counts as finished once it is there."""
    write_json(folder / RECORD_FILE, {"schema_version": SCHEMA_VERSION, **asdict(record)})


def read_record(folder: Path) -> RunRecord:
    """Read `record.json`; unknown keys of a newer minor version are ignored.

    Raises:
        OSError: there is none.
        OutputError: the file is not what a run writes.
    """
    path = folder / RECORD_FILE
    return record_from(parse_object(read_own(path), str(path)), str(path))


def record_from(values: Any, place: str) -> RunRecord:
    """A record out of parsed JSON.

    Raises:
        OutputError: it is none; the message begins with the place.
    """
    if not isinstance(values, dict):
        raise OutputError(f"{place}: expected an object for each run, found {type(values).__name__}. {MOVE_ASIDE}")
    known = {one.name for one in fields(RunRecord)}
    record = {key: one for key, one in values.items() if key in known}
    return typed(RunRecord, record, f"{place}: is no record of a run", MOVE_ASIDE)


def find_runs(output: Path) -> list[Path]:
    """The folders of all recorded runs of a comparison, by model, strategy and seed (9 before 10)."""
    found = [path.parent for path in (output / "runs").glob(f"*/*/seed-*/{RECORD_FILE}")]
    folders = [folder for folder in found if folder.name.removeprefix("seed-").isdecimal()]
    return sorted(folders, key=lambda folder: (folder.parent, int(folder.name.removeprefix("seed-"))))


def read_predictions(folder: Path, split: str) -> list[dict[str, Any]]:
    """The predictions of a run on one split ("validation", "test" or a named test set), in order of the examples."""
    rows = [row for row in read_lines(folder / PREDICTIONS_FILE) if row["split"] == split]
    return sorted(rows, key=lambda row: row["index"])


def read_comparison(output: Path) -> dict[str, Any]:
    """The parsed `comparison.json` of a finished comparison.

    Raises:
        OSError: there is none.
        OutputError: the file is not what a comparison writes.
    """
    file = output / COMPARISON_FILE
    return parse_object(read_own(file), str(file))
