"""A real MLflow server says, through its REST API, what the records say."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.records import find_runs, read_record

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # their server may take minutes to begin
pytest.importorskip("mlflow")

Reported = Callable[..., Any]
# The whole package `mlflow` does not go with the versions that are pinned here: the server has its own environment.
SERVER = os.environ.get("UNFREEZE_MLFLOW_SERVER") or str(Path(__file__).parents[3] / ".venv-mlflow/bin/mlflow")
PATIENCE = 240.0  # seconds until the server has made its tables and answers


class Server:
    """An MLflow server with a SQLite store, and its REST API."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--backend-store-uri", f"sqlite:///{self.folder}/runs.db", "--workers", "1"]
        options += ["--artifacts-destination", str(self.folder / "files")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [SERVER, "server", *options, "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.5)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """With all the processes that it has started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def ask(self, method: str, path: str, **question: Any) -> Any:
        url = f"{self.address}/api/2.0/mlflow/{path}"
        body = None
        if method == "GET":
            url += "?" + urllib.parse.urlencode(question)
        else:
            body = json.dumps(question).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        found = self.ask("GET", "experiments/get-by-name", experiment_name=experiment)["experiment"]
        runs: list[dict[str, Any]] = self.ask(
            "POST", "runs/search", experiment_ids=[found["experiment_id"]], max_results=100
        )["runs"]
        return runs

    def curve(self, run: str, name: str) -> list[tuple[int, float]]:
        history = self.ask("GET", "metrics/get-history", run_id=run, metric_key=name)["metrics"]
        return sorted((int(one.get("step", 0)), one["value"]) for one in history)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not Path(SERVER).is_file():
        pytest.skip(f"no MLflow server at {SERVER}: `make .venv-mlflow/installed`, or set UNFREEZE_MLFLOW_SERVER")
    server = Server(tmp_path_factory.mktemp("mlflow"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def experiment(server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    return str(request.node.name)


def tags(run: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in run["data"].get("tags", [])}


def check(server: Server, experiment: str, output: Path) -> None:
    """One parent, one child for each run of the folder, and each says once what its record says."""
    runs = server.runs(experiment)
    [parent] = [run for run in runs if "mlflow.parentRunId" not in tags(run)]
    children = {f"runs/{run['info']['run_name']}": run for run in runs if run is not parent}
    assert all(tags(run)["mlflow.parentRunId"] == parent["info"]["run_id"] for run in children.values())
    assert sorted(children) == sorted(str(folder.relative_to(output)) for folder in find_runs(output))
    assert parent["info"]["status"] == "FINISHED"
    chosen = {one["key"]: one["value"] for one in parent["data"]["params"]}
    summary = json.loads((output / "comparison.json").read_text())
    assert chosen["data_sha256"] == summary["data"]["sha256"] and chosen["max_length"] == "48"
    assert tags(parent)["unfreeze.recommended"] == summary["recommendation"]["strategy"]
    assert tags(parent)["mlflow.note.content"] == tags(parent)["unfreeze.recommendation"]
    files = server.ask("GET", "artifacts/list", run_id=parent["info"]["run_id"])["files"]
    assert {"leaderboard.md", "leaderboard.csv", "comparison.json", "settings.yaml"} == {one["path"] for one in files}

    for place, run in children.items():
        check_child(server, run, output / place)


def check_child(server: Server, run: dict[str, Any], folder: Path) -> None:
    record, id = read_record(folder), run["info"]["run_id"]
    assert run["info"]["status"] == {"done": "FINISHED"}.get(record.status, "FAILED")
    assert tags(run)["unfreeze.status"] == record.status
    chosen = {one["key"]: one["value"] for one in run["data"]["params"]}
    assert chosen["strategy"] == record.strategy and chosen["seed"] == str(record.seed)
    assert chosen["model_name"] == record.model_name and float(chosen["learning_rate"]) == record.learning_rate
    if record.status != "done":
        return
    assert chosen["trainable_parameters"] == str(record.trainable_parameters)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines == record.history
    assert [step for step, _ in server.curve(id, "train/loss")] == list(range(1, (record.steps or 0) + 1))
    assert server.curve(id, "train/epoch_loss") == [(one["step"], one["train_loss"]) for one in lines]
    for name in lines[0]["validation"]:
        assert server.curve(id, f"validation/{name}") == [(one["step"], one["validation"][name]) for one in lines]
    for name, value in record.test.items():
        assert server.curve(id, f"test/{name}") == [(record.steps, value)]
    for name, value in record.tests["news"].items():
        assert server.curve(id, f"test/news/{name}") == [(record.steps, value)]


def test_the_server_says_what_the_records_say(
    server: Server, experiment: str, reported: Reported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done, said = reported(tmp_path / "out", "mlflow", seeds=2)
    check(server, experiment, done.output)
    assert f"reported to mlflow: {server.address}, experiment {experiment}" in said
    assert capsys.readouterr().out == ""


def test_an_interrupted_comparison_goes_on_in_its_runs(
    server: Server, experiment: str, reported: Reported, tmp_path: Path
) -> None:
    done, _ = reported(tmp_path / "out", "mlflow", seeds=2, interrupt=(2, 7))
    assert done is None
    assert sorted(run["info"]["status"] for run in server.runs(experiment)) == ["FINISHED", "KILLED", "KILLED"]
    done, _ = reported(tmp_path / "out", "mlflow", seeds=2)
    check(server, experiment, done.output)


def test_a_run_that_diverges_is_failed_there(
    server: Server, experiment: str, reported: Reported, tmp_path: Path
) -> None:
    done, _ = reported(tmp_path / "out", "mlflow", learning_rate=1e30)
    assert [record.status for record in done.records] == ["diverged"]
    [child] = [run for run in server.runs(experiment) if "mlflow.parentRunId" in tags(run)]
    check_child(server, child, find_runs(done.output)[0])
    assert tags(child)["unfreeze.error"] == done.records[0].error


def test_a_deleted_experiment_is_refused(server: Server, experiment: str, reported: Reported, tmp_path: Path) -> None:
    made = server.ask("POST", "experiments/create", name=experiment)
    server.ask("POST", "experiments/delete", experiment_id=made["experiment_id"])
    with pytest.raises(ValueError, match=f"the experiment {experiment} was deleted there"):
        reported(tmp_path / "out", "mlflow", max_steps=1)


def test_a_server_that_dies_costs_no_run_and_is_told_later(
    server: Server, experiment: str, reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed while the second of two runs trains, and is there again for the next command."""
    from unfreeze.experiments.trackers.mlflow import MLflowRun

    monkeypatch.setattr("unfreeze.experiments.trackers.mlflow.SENT_EVERY", 0.0)
    metrics, seen = MLflowRun.metrics, []

    def until_it_dies(run: Any, values: Any, step: int) -> None:
        seen.append((run.id, step))
        if len({id for id, _ in seen}) == 2 and step == 5:
            server.stop()
        metrics(run, values, step)

    with monkeypatch.context() as patched:
        patched.setattr(MLflowRun, "metrics", until_it_dies)
        begin = time.monotonic()
        done, said = reported(tmp_path / "out", "mlflow", seeds=2)
    assert [record.status for record in done.records] == ["done", "done"] and time.monotonic() - begin < PATIENCE
    [told] = [line for line in said if "mlflow broke: " in line]
    assert "\n" not in told and len(told) < 400
    server.start()
    again, _ = reported(tmp_path / "out", "mlflow", seeds=2)
    runs = server.runs(experiment)
    assert sorted(run["info"]["status"] for run in runs) == ["FINISHED"] * 3
    for run in runs:
        if "mlflow.parentRunId" in tags(run):
            record = read_record(again.output / "runs" / run["info"]["run_name"])
            expected = [(one["step"], one["validation"]["loss"]) for one in record.history]
            assert server.curve(run["info"]["run_id"], "validation/loss") == expected
