"""What is done for one cell, in this process or in another: every failure becomes a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unfreeze.data.splits import subset
from unfreeze.evaluation.evaluate import Split
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.run import degenerate_on_validation, first_record, run
from unfreeze.experiments.trained_record import with_training
from unfreeze.experiments.travelling import Travelling
from unfreeze.settings import Settings
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.storage.records import RunRecord, write_record
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.step import Diverged


@dataclass(frozen=True)
class Job(Travelling):
    """A cell and everything that is needed to make it; it can be sent to another process."""

    cell: Cell
    folder: Path
    output: Path
    settings: Settings
    data_name: str
    data_sha256: str
    own_process: bool
    runs_at_once: int

    def arrived(self, root: Path, tables: FeatureFiles) -> Job:
        """See `Travelling.arrived`."""
        job = super().arrived(root, tables)
        return replace(job, output=root, folder=root / self.folder.relative_to(self.output))


def make_cell(job: Job, say: Callable[[Any], None]) -> RunRecord:
    """Make the run or trial of a job and write its record; progress is said. What it raises, the launcher tells."""
    return _trial(job, say) if job.cell.is_trial else _run(job, say)


def failed(job: Job, reason: str) -> RunRecord:
    """Write the record of a cell that did not come to an end. It costs no other, whatever broke."""
    Checkpoints(job.folder / "checkpoints").forget_what_is_not_whole()
    cell = job.cell
    record = RunRecord(
        strategy=str(cell.strategy),
        seed=cell.seed,
        model_name=cell.model,
        task=job.prepared.task.name,
        status="failed",
        error=reason,
        train_share=cell.train_share,
        data_sha256=job.data_sha256,
        selection_metric=job.prepared.metric,
    )
    write_record(job.folder, record)
    return record


def _run(job: Job, say: Callable[[Any], None]) -> RunRecord:
    cell, prepared = job.cell, job.prepared
    if cell.train_share is not None:
        prepared = _cut(prepared, cell.train_share, job.settings.data_seed)
    return run(
        cell.strategy,
        cell.seed,
        prepared,
        job.settings,
        job.folder,
        output=job.output,
        data_name=job.data_name,
        data_sha256=job.data_sha256,
        learning_rate=cell.learning_rate,
        train_share=cell.train_share,
        own_process=job.own_process,
        runs_at_once=job.runs_at_once,
        on_progress=say,
    )


def _trial(job: Job, say: Callable[[Any], None]) -> RunRecord:
    """A part of a run, to see how good a learning rate is: its best validation score, and no model."""
    cell, prepared, settings = job.cell, job.prepared, job.settings
    trainer = build_trainer(
        cell.strategy,
        cell.seed,
        prepared,
        settings,
        None,
        learning_rate=cell.learning_rate,
        share=cell.share,
        on_progress=say,
    )
    error = None
    try:
        trainer.train(prepared.train.encoded.features)
    except Diverged as diverged:
        error = str(diverged)
    best = trainer.result.best if error is None else None
    record = first_record(trainer, cell.strategy, prepared, settings, job.data_sha256, cell.learning_rate)
    record = replace(
        with_training(record, trainer.result),
        status="done" if error is None else "diverged",
        error=error,
        validation={} if best is None else best.metrics,
        degenerate=None if best is None else degenerate_on_validation(prepared, best),
        runs_at_once=job.runs_at_once,
    )
    if prepared.ranks.leads:
        write_record(job.folder, record)
    return record


def _cut(prepared: Prepared, share: float, seed: int) -> Prepared:
    """The same with a part of the training examples; a smaller part lies within every larger one."""
    examples = subset(prepared.train.examples, max(1, round(share * len(prepared.train.examples))), seed)
    encoded = prepared.task.encode(examples, prepared.tokenizer, prepared.labels, prepared.max_length)
    return replace(prepared, train=Split(examples, encoded))
