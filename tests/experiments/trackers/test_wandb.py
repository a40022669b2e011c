"""Weights & Biases without a login: everything lies in the comparison's folder, nobody is asked, nothing is sent."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.records import find_runs, read_record

pytestmark = pytest.mark.slow
pytest.importorskip("wandb")

Reported = Callable[..., Any]
BLOCK, HEAD = 32768, 7  # bytes of a block of their log, and of what stands before its first record


class Listening:
    """A proxy that notes who calls and serves nobody."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        self.calls: list[bytes] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                self.calls.append(connection.recv(200))

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join()


@pytest.fixture
def proxy() -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.close()


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no mode, no settings of a user."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


def records(file: Path) -> list[Any]:
    """The records of a log: pieces in blocks, each with checksum, length and kind (whole, first, middle, last)."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, found, pieces = file.read_bytes(), HEAD, [], b""
    while at + 7 <= len(content):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        pieces += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            found.append(Record.FromString(pieces))
            pieces = b""
    return found


def summary(log: list[Any]) -> dict[str, Any]:
    return {one.key: json.loads(one.value_json) for record in log for one in record.summary.update if one.key}


def configuration(log: list[Any]) -> dict[str, Any]:
    updates = [one for record in log for one in (*record.run.config.update, *record.config.update)]
    return {one.key: json.loads(one.value_json) for one in updates if one.key}


def curve(log: list[Any], name: str) -> list[tuple[int, float]]:
    rows = [
        {(one.key or "/".join(one.nested_key)): json.loads(one.value_json) for one in record.history.item}
        for record in log
        if record.HasField("history")
    ]
    return [(row["step"], row[name]) for row in rows if name in row]


def logs(output: Path) -> dict[str, list[list[Any]]]:
    """By name of the run, which is that of its folder; the comparison's is that of the output."""
    found: dict[str, list[list[Any]]] = {}
    # Names of folders tell the second only, and two runs can begin in one.
    for file in sorted(output.glob("wandb/offline-run-*/*.wandb"), key=lambda one: one.stat().st_mtime_ns):
        log = records(file)
        [run] = [record.run for record in log if record.HasField("run")][:1]
        found.setdefault(run.display_name, []).append(log)
    return found


def group(log: list[Any]) -> str:
    return next(str(record.run.run_group) for record in log if record.HasField("run"))


def check_run(log: list[Any], folder: Path) -> None:
    record = read_record(folder)
    chosen = configuration(log)
    assert chosen["strategy"] == record.strategy and chosen["learning_rate"] == record.learning_rate
    assert chosen["trainable_parameters"] == record.trainable_parameters
    for name in record.history[0]["validation"]:
        assert curve(log, f"validation/{name}") == [(one["step"], one["validation"][name]) for one in record.history]
    assert curve(log, "test/loss") == [(record.steps, record.test["loss"])]
    assert summary(log)["status"] == record.status


@pytest.mark.timeout(900)  # each run in a process of its own, and their service beside them
def test_the_command_line_writes_offline_and_asks_nobody(
    nobody: None, proxy: Listening, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    """In a terminal, where its own client would ask for a key."""
    (tmp_path / "data").mkdir()
    for split in ("train", "validation", "test"):
        pairs = [("happy smile", "joy"), ("tears grief", "sadness")]
        lines = [f"{text} {split} {i};{label}" for i in range(6) for text, label in pairs]
        (tmp_path / "data" / f"{split}.txt").write_text("\n".join(lines) + "\n")
    output = tmp_path / "out"
    command = [sys.executable, "-m", "unfreeze", "compare", "--model", family_folder("bert")]
    command += ["--data", str(tmp_path / "data")]
    command += ["--strategy", "full", "--seeds", "2", "--epochs", "1", "--no-plan", "--speedups", "off"]
    command += ["--max-length", "48", "--output", str(output), "--report-to", "wandb"]
    ours, theirs = pty.openpty()
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), proxy.address)
    with (tmp_path / "said").open("wb") as said:
        done = subprocess.run(
            command, stdin=theirs, stdout=theirs, stderr=said, timeout=600, check=False,
            env=os.environ | proxies | {"NO_PROXY": "", "no_proxy": ""},
        )  # fmt: skip
    shown = ""
    while select.select([ours], [], [], 0)[0]:
        shown += os.read(ours, 4096).decode()
    os.close(ours)
    os.close(theirs)
    told = (tmp_path / "said").read_text()
    assert done.returncode == 0, told
    assert proxy.calls == []
    assert "api key" not in (shown + told).lower() and shown.count("report: ") == 1
    assert f"reported to wandb: {output / 'wandb'}, and nothing is sent" in told

    found = logs(output)
    [parent] = found.pop("out")
    chosen = json.loads((output / "comparison.json").read_text())["recommendation"]["strategy"]
    assert summary(parent)["recommended"] == (chosen or "none") and group(parent)
    folders = find_runs(output)
    assert sorted(found) == [str(folder.relative_to(output / "runs")) for folder in folders]
    for folder in folders:
        [log] = found[str(folder.relative_to(output / "runs"))]
        assert group(log) == group(parent)
        steps = [step for step, _ in curve(log, "train/loss")]
        assert steps == list(range(1, (read_record(folder).steps or 0) + 1))
    [kept] = output.glob("wandb/offline-run-*/files/leaderboard.md")
    assert kept.read_bytes() == (output / "leaderboard.md").read_bytes()


def test_an_interrupted_run_begins_anew_in_the_same_group(nobody: None, reported: Reported, tmp_path: Path) -> None:
    """Without the service nobody knows how far it came; its steps are in the run of before, and no metric twice."""
    reported(tmp_path / "out", "wandb", interrupt=(1, 7))
    done, _ = reported(tmp_path / "out", "wandb")
    found = logs(done.output)
    [folder] = find_runs(done.output)
    first, second = found[str(folder.relative_to(done.output / "runs"))]
    assert len({group(log) for logs_of_one in found.values() for log in logs_of_one}) == 1
    assert [step for step, _ in curve(first, "train/loss")] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in curve(second, "train/loss")] == list(range(5, 19))
    assert summary(first)["status"] == "killed"
    check_run(second, folder)


class Deaf(BaseHTTPRequestHandler):
    """A service that opens runs, and then never answers."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not (b"RunResumeStatus" in body or b"UpsertBucket" in body):
            self.server.over.wait()  # type: ignore[attr-defined]
            return
        project = {"id": "p", "name": "unfreeze", "entity": {"id": "e", "name": "me"}}
        name = json.loads(body)["variables"]["name"]
        bucket = {"id": "b", "name": name, "displayName": name, "project": project, "historyLineCount": 0}
        found = {"upsertBucket": {"bucket": bucket | {"config": "{}"}, "inserted": True}}
        answer = json.dumps({"data": found if b"UpsertBucket" in body else {}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def deaf() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    server.daemon_threads = True
    server.over = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.timeout(600)
def test_a_service_that_takes_nothing_ends_no_comparison(
    nobody: None, deaf: str, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    """Its client by itself would wait for the service until it answers."""
    (tmp_path / "train.txt").write_text("".join(f"happy {i};joy\ntears {i};sadness\n" for i in range(20)))
    command = [sys.executable, "-m", "unfreeze", "compare", "--model", family_folder("bert"), "--output", "out"]
    command += ["--data", "train.txt", "--strategy", "head", "--seeds", "1", "--epochs", "1", "--no-plan"]
    command += ["--speedups", "off", "--report-to", "wandb"]
    proxies = {"HTTP_PROXY": "", "HTTPS_PROXY": "", "ALL_PROXY": "", "http_proxy": "", "https_proxy": ""}
    service = {"WANDB_BASE_URL": deaf, "WANDB_API_KEY": "a" * 40, "WANDB_FINISH_TIMEOUT": "2"}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False,
        env=os.environ | proxies | service,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stderr.splitlines() if "wandb broke" in line]
    kept = re.search(r"wandb broke: not everything was sent within 2 s; `wandb sync (\S+)` sends the rest", line)
    assert kept is not None, line
    assert [*(tmp_path / kept[1]).glob("*.wandb")], kept[1]
