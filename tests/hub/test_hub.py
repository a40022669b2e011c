"""A model of a hub: a small server on this machine stands in for it, in a process with its own environment."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # a server, and processes of their own

REPOSITORY, COMMIT = "owner/tiny", "b" * 40


@pytest.fixture(scope="module")
def hub(family_folder: Callable[..., str]) -> Iterator[str]:
    """The address of a server that knows one model."""
    files = {path.name: path.read_bytes() for path in Path(family_folder("bert")).iterdir()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            resolved = re.fullmatch(rf"/{REPOSITORY}/resolve/[^/]+/(.+)", path)
            if resolved and resolved[1] in files:
                self.answer(200, files[resolved[1]], etag=f'"{hashlib.sha1(files[resolved[1]]).hexdigest()}"')
            elif re.fullmatch(rf"/api/models/{REPOSITORY}(/revision/[^/]+)?", path):
                siblings = [{"rfilename": name} for name in files]
                self.answer(200, json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}).encode())
            elif re.fullmatch(rf"/api/models/{REPOSITORY}/tree/[^/]+/?.*", path):
                listed = [{"type": "file", "path": n, "size": len(c), "oid": "0" * 40} for n, c in files.items()]
                self.answer(200, json.dumps(listed).encode())
            else:
                self.answer(404, b"{}", code="EntryNotFound" if REPOSITORY in path else "RepoNotFound")

        do_HEAD = do_GET

        def answer(self, status: int, body: bytes, etag: str = "", code: str = "") -> None:
            self.send_response(status)
            headers = {"ETag": etag, "X-Error-Code": code, "X-Repo-Commit": COMMIT, "Content-Length": str(len(body))}
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for split in ("train", "validation", "test"):
        (folder / f"{split}.txt").write_text(f"the happy day {split};joy\nwe saw tears {split};sadness\n" * 2)
    return folder


def unfreeze(endpoint: str, home: Path, *arguments: object, offline: str = "0") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": offline}
    environment |= {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    environment.pop("HF_HUB_VERBOSITY", None)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "unfreeze", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=100, check=False)


def test_a_comparison_of_a_hub_model_end_to_end(hub: str, data: Path, tmp_path: Path) -> None:
    done = unfreeze(
        *(hub, tmp_path, "compare", "--model", REPOSITORY, "--data", data, "--strategy", "head", "--strategy", "lora"),
        *("--seeds", 1, "--epochs", 20, "--learning-rate", 2e-2, "--per-device-train-batch-size", 2),
        *("--early-stopping-patience", "none", "--speedups", "off", "--output", "out"),
    )
    assert done.returncode == 0, done.stderr
    assert "recommended: " in done.stdout and "Traceback" not in done.stderr
    runs = list((tmp_path / "out" / "runs").glob("owner-tiny/*/seed-42"))
    assert len(runs) == 2
    [adapter] = tmp_path.glob("out/runs/owner-tiny/lora-*/seed-42/model/adapter_config.json")
    assert json.loads(adapter.read_text())["base_model_name_or_path"] == REPOSITORY
    for run in runs:
        record = json.loads((run / "record.json").read_text())
        assert (record["status"], record["model_name"]) == ("done", REPOSITORY)
        assert f'base_model: "{REPOSITORY}"' in (run / "model" / "README.md").read_text()
    # What was downloaded once serves again without a network, the base of the adapter too.
    again = unfreeze("http://127.0.0.1:9", tmp_path, "predict", adapter.parent, "happy", offline="1")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["label"] in ("joy", "sadness")


@pytest.mark.parametrize(("name", "offline"), [("owner/nothing", "0"), ("owner/tiny", "1")])
def test_a_model_that_cannot_be_had_is_one_line(hub: str, data: Path, tmp_path: Path, name: str, offline: str) -> None:
    arguments = ("compare", "--model", name, "--data", data, "--output", "out")
    done = unfreeze(hub, tmp_path, *arguments, offline=offline)
    assert (done.returncode, done.stdout) == (2, "")
    *notes, error = done.stderr.splitlines()
    assert error.startswith(f"error: --model {name}: cannot be loaded (")
    assert "--model minilm" in error and "pass its folder" in error
    assert not any(word in line for line in notes for word in ("Traceback", "rror", "Retrying"))
    assert not (tmp_path / "out").exists()
