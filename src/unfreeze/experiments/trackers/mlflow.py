"""MLflow: a run for the comparison on the user's server, and a nested one for each of its runs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from unfreeze.experiments.trackers.tracker import End, Parameter, TrackedRun, TrackerError, need_package

EXPERIMENT = "unfreeze"
# MLflow's own client asks a dead server again for minutes, and a training would wait. What the user has set stays.
BOUNDS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nobody is told but the server that the user names
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
SENT_TOGETHER = 200  # metrics in a request
SENT_EVERY = 5.0  # seconds, so that a curve can be watched
STATUS: dict[End, str] = {"done": "FINISHED", "diverged": "FAILED", "failed": "FAILED", "killed": "KILLED"}


class MLflow:
    """Tells the server that `MLFLOW_TRACKING_URI` or `mlflow.set_tracking_uri` names."""

    name: ClassVar[str] = "mlflow"

    def __init__(self) -> None:
        need_package(self.name, "mlflow")
        with _bounded():
            import mlflow

            if not mlflow.is_tracking_uri_set():
                raise TrackerError(
                    "--report-to mlflow: no server is named. Set MLFLOW_TRACKING_URI, as http://127.0.0.1:5000."
                )
            self.uri = mlflow.get_tracking_uri()
            try:
                self.client = mlflow.MlflowClient()
                self.client.search_experiments(max_results=1)
            except Exception as error:  # of the network, of the store, of what the server answers
                raise TrackerError(
                    f"--report-to mlflow: {_without_password(self.uri)} does not answer as an MLflow server "
                    f"({type(error).__name__}). Start it, correct MLFLOW_TRACKING_URI, or pass --report-to none."
                ) from None

    def where(self, output: Path) -> str:
        return f"{_without_password(self.uri)}, experiment {_experiment_name()}"

    def comparison(self, output: Path, id: str | None) -> MLflowRun:
        with _bounded():
            if id is not None and self._is_there(id):
                return MLflowRun(self.client, id, self._went_on(id))
            tags = {"unfreeze.folder": str(output.resolve())}
            made = self.client.create_run(self._experiment(), tags=tags, run_name=output.resolve().name)
            return MLflowRun(self.client, made.info.run_id, {})

    def run(self, parent: TrackedRun, name: str, id: str | None) -> MLflowRun:
        with _bounded():
            if id is not None and self._is_there(id):
                return MLflowRun(self.client, id, self._went_on(id))
            experiment = self.client.get_run(parent.id).info.experiment_id
            tags = {"mlflow.parentRunId": parent.id}
            made = self.client.create_run(experiment, tags=tags, run_name=name)
            return MLflowRun(self.client, made.info.run_id, {})

    def _experiment(self) -> str:
        if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return given
        found = self.client.get_experiment_by_name(_experiment_name())
        if found is None:
            return str(self.client.create_experiment(_experiment_name()))
        if found.lifecycle_stage == "deleted":
            raise TrackerError(
                f"--report-to mlflow: the experiment {_experiment_name()} was deleted there. Restore it, or name "
                "another in MLFLOW_EXPERIMENT_NAME."
            )
        return str(found.experiment_id)

    def _is_there(self, id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return bool(self.client.get_run(id).info.lifecycle_stage == "active")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def _went_on(self, id: str) -> dict[str, int]:
        """The last step of each metric of a run that is gone on with."""
        self.client.update_run(id, status="RUNNING")
        names = self.client.get_run(id).data.metrics
        return {name: max(one.step for one in self.client.get_metric_history(id, name)) for name in names}


class MLflowRun:
    """A run on the server. Metrics wait for each other; what a process that is killed had not sent is lost."""

    def __init__(self, client: Any, id: str, known: Mapping[str, int]) -> None:
        self.client = client
        self.id = id
        self.known = dict(known)
        self.waiting: list[Any] = []
        self.sent = time.monotonic()
        self.files: list[Path] = []

    def parameters(self, values: Mapping[str, Parameter]) -> None:
        from mlflow.entities import Param

        with _bounded():
            self.client.log_batch(self.id, params=[Param(name, str(value)) for name, value in values.items()])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        self.waiting += [Metric(allowed(name), value, now, step) for name, value in values.items()]
        if len(self.waiting) >= SENT_TOGETHER or time.monotonic() - self.sent > SENT_EVERY:
            self._send()

    def facts(self, values: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        tags = [RunTag(f"unfreeze.{name}", value) for name, value in values.items()]
        if "recommendation" in values:
            tags.append(RunTag("mlflow.note.content", values["recommendation"]))  # what its page shows first
        with _bounded():
            self.client.log_batch(self.id, tags=tags)

    def file(self, path: Path) -> None:
        self.files.append(path)

    def end(self, status: End) -> None:
        self._send()
        with _bounded():
            self.client.set_terminated(self.id, STATUS[status])
            # Last: where files go need not be where metrics go, and it may be that only files cannot go there.
            for path in self.files:
                self.client.log_artifact(self.id, str(path))

    def _send(self) -> None:
        waiting, self.waiting = self.waiting, []
        with _bounded():
            for start in range(0, len(waiting), SENT_TOGETHER):
                self.client.log_batch(self.id, metrics=waiting[start : start + SENT_TOGETHER])
        self.sent = time.monotonic()


def allowed(name: str) -> str:
    """A metric's name in the letters that MLflow takes.

    >>> allowed("test/news (2024)/accuracy")
    'test/news _2024_/accuracy'
    """
    return re.sub(r"[^\w/. -]", "_", name, flags=re.ASCII)


def _experiment_name() -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)


@contextmanager
def _bounded() -> Iterator[None]:
    """Inside, a request takes seconds at most and goes nowhere else."""
    added = [name for name in BOUNDS if name not in os.environ]
    os.environ.update({name: BOUNDS[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
