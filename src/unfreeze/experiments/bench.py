"""Where the cells of a comparison are made: what they share, what is there already, who makes the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfreeze.experiments.cell import Cell, cell_folder
from unfreeze.experiments.launchers.launcher import Death, Launcher
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.work import Job, failed, make_cell
from unfreeze.settings import Settings
from unfreeze.storage import disk
from unfreeze.storage.atomic import remove_leftovers
from unfreeze.storage.folders import OutputError
from unfreeze.storage.journal import log_event
from unfreeze.storage.lines import MOVE_ASIDE
from unfreeze.storage.records import RECORD_FILE, RunRecord, read_record
from unfreeze.strategies import Strategy
from unfreeze.training.checkpoint import Checkpoints


@dataclass
class Bench:
    """What all cells share. A cell whose result lies in the folder is read, not made again."""

    output: Path
    settings: Settings
    prepared: Mapping[str, Prepared]  # by model, as typed
    weights: Mapping[str, str]  # by model, as typed, teachers too: what its weights are known by
    data_name: str
    data_sha256: str
    launcher: Launcher
    listener: Listener
    started: int = field(default=0, init=False)

    def folder(self, cell: Cell) -> Path:
        """Where the result of a cell is or will be."""
        weights = self.weights_of(cell.model, cell.strategy).values()
        content = [self.data_sha256, cell.model, *weights, self.settings.of_a_run()]
        return cell_folder(self.output, cell, content)

    def weights_of(self, model: str, strategy: Strategy | None = None) -> dict[str, str]:
        """The models that a job loads, as typed, a strategy's teacher too: what the weights of each are known by."""
        taught = None if strategy is None else strategy.teaching
        return {name: self.weights[name] for name in (model, *([] if taught is None else [taught.teacher]))}

    def recover(self, cell: Cell) -> RunRecord | None:
        """The result of a cell that was made before; what a program that died left in its folder is tidied up.

        None if it has to be made: one that failed is made again, and one whose record cannot be read, which is moved
        aside. One that diverged would again.
        """
        folder = self.folder(cell)
        remove_leftovers(folder.parent)  # of a program that died while it put the files of a run in their place
        remove_leftovers(folder)
        if not (folder / RECORD_FILE).is_file():
            return None
        try:
            record = read_record(folder)
        except OutputError as error:
            aside = folder / f"not-used-{RECORD_FILE}"
            disk.rename(folder / RECORD_FILE, aside)
            wrong = str(error).removesuffix(MOVE_ASIDE).rstrip()
            self.listener.said(f"{wrong} That run is made again; the file is {aside.name} now.")
            return None
        if record.status == "failed":
            return None
        # It may have been killed before it could tidy up; of one that diverged the last good state stays.
        left = Checkpoints(folder / "checkpoints")
        left.forget() if record.status == "done" else left.forget_what_is_not_whole()
        return record

    def make(self, cells: Sequence[Cell], after_each: Callable[[], object] = lambda: None) -> dict[Cell, RunRecord]:
        """The results of all cells, made where they are missing."""
        results = {cell: record for cell in cells if (record := self.recover(cell)) is not None}
        for cell, record in results.items():
            self.listener.run_found(cell, record)
        jobs = [self._job(cell) for cell in cells if cell not in results]
        with closing(self.launcher.run(make_cell, jobs, self._heard, self._started)) as made:
            for job, result in made:
                record = failed(job, result.reason) if isinstance(result, Death) else result
                results[job.cell] = record
                log_event(
                    self.output, "run finished", run=str(job.folder.relative_to(self.output)), status=record.status
                )
                self.listener.run_finished(job.cell, record)
                after_each()
        return {cell: results[cell] for cell in cells}

    def _job(self, cell: Cell) -> Job:
        return Job(
            self.prepared[cell.model],
            self.weights_of(cell.model, cell.strategy),
            cell,
            self.folder(cell),
            self.output,
            self.settings,
            self.data_name,
            self.data_sha256,
            own_process=self.launcher.own_process,
            runs_at_once=self.launcher.jobs_on_one_machine,
        )

    def _started(self, job: Job) -> None:
        self.started += 1
        self.listener.run_started(job.cell, self.started)

    def _heard(self, job: Job, message: Any) -> None:
        self.listener.progressed(job.cell, message)
