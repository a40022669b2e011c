"""Weights & Biases: a run for the comparison and one for each of its runs, in one group; offline unless logged in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from unfreeze.experiments.trackers.tracker import End, Parameter, TrackedRun, TrackerError, need_package

PROJECT = "unfreeze"
SECONDS = 15.0  # that the service may take to begin a run
FINISH_SECONDS = 60.0  # and to take what is left at its end, unless WANDB_FINISH_TIMEOUT says otherwise


class WandB:
    """Sends where the user is logged in or `WANDB_MODE` says so; else writes `wandb/` of the comparison. Never asks."""

    name: ClassVar[str] = "wandb"

    def __init__(self) -> None:
        need_package(self.name, "wandb")
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when its service starts: nobody else is told
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        self.mode: Any = os.environ.get("WANDB_MODE")
        if self.mode in (None, "online"):
            try:
                logged_in = wandb.login(prompt=False, verify=False)
            except Exception as error:
                raise TrackerError(f"--report-to wandb: {_first_line(error)} {WAY_OUT}") from None
            if not logged_in and self.mode == "online":
                raise TrackerError(f"--report-to wandb: WANDB_MODE is online and nobody is logged in. {WAY_OUT}")
            self.mode = "online" if logged_in else "offline"

    def where(self, output: Path) -> str:
        if self.mode == "offline":
            return f"{output / 'wandb'}, and nothing is sent; `wandb sync {output / 'wandb'}/offline-run-*` does that"
        return f"mode {self.mode}, project {_project()}"

    def comparison(self, output: Path, id: str | None) -> WandBRun:
        name = output.resolve().name
        chosen = id or uuid4().hex[:12]
        return WandBRun(output, self.mode, id=chosen, name=name, group=chosen, job_type="comparison")

    def run(self, parent: TrackedRun, name: str, id: str | None) -> WandBRun:
        """Always a new one: the steps of a run that was interrupted cannot be looked up offline."""
        assert isinstance(parent, WandBRun)
        return WandBRun(parent.output, self.mode, id=uuid4().hex[:12], name=name, group=parent.id, job_type="run")


WAY_OUT = "Run `wandb login`, set WANDB_MODE=offline, or pass --report-to none."


class WandBRun:
    """A run of theirs. Several are open at once, and none of them is the process's global run."""

    known: Mapping[str, int] = {}

    def __init__(self, output: Path, mode: Any, *, id: str, name: str, group: str, job_type: str) -> None:
        import wandb

        self.output = output
        self.id = id
        self.mode = mode
        self.patience = float(os.environ.get("WANDB_FINISH_TIMEOUT") or FINISH_SECONDS)
        self.run: Any = wandb.init(
            project=_project(),
            id=id,
            name=name,
            group=group,
            job_type=job_type,
            dir=str(output),
            mode=mode,
            resume="allow",
            reinit="create_new",
            save_code=False,
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                init_timeout=SECONDS,
                finish_timeout=self.patience,
                finish_timeout_raises=True,
                x_disable_stats=True,
                x_disable_machine_info=True,
            ),
        )
        self.run.define_metric("step")
        self.run.define_metric("*", step_metric="step")  # what comes late is no lie: steps need not rise

    def parameters(self, values: Mapping[str, Parameter]) -> None:
        self.run.config.update(dict(values), allow_val_change=True)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.run.log({**values, "step": step})

    def facts(self, values: Mapping[str, str]) -> None:
        self.run.summary.update(dict(values))

    def file(self, path: Path) -> None:
        self.run.save(str(path), base_path=str(self.output), policy="now")

    def end(self, status: End) -> None:
        """Raises TrackerError where the service does not take everything in time; it stays on disk."""
        try:
            self.run.finish(exit_code=0 if status == "done" else 1)
        except TimeoutError:
            raise TrackerError(
                f"not everything was sent within {self.patience:g} s; `wandb sync {self.run.settings.sync_dir}` sends "
                "the rest of this run"
            ) from None


def _project() -> str:
    return os.environ.get("WANDB_PROJECT") or PROJECT


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
