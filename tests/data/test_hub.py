"""Datasets of a hub: a small server on this machine stands in for it, in a process with its own environment."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # a server, and processes of their own

REPOSITORY, COMMIT = "tiny/films", "a" * 40
CARD = b"""---
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          "0": neg
          "1": pos
---
"""
LOAD = """
import sys
from unfreeze.data.findings import DataError
from unfreeze.data.sources import DataRequest, load_corpus
try:
    corpus = load_corpus(DataRequest(data=sys.argv[1]))
except DataError as error:
    print(error)
    sys.exit(2)
print(len(corpus.train), len(corpus.validation), {name: len(test) for name, test in corpus.tests.items()})
print(sorted({example.label for example in corpus.train}), corpus.train[0].origin)
print(*corpus.findings, sep="\\n")
"""


def parquet(labels: list[int], prefix: str) -> bytes:
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    table = pyarrow.table({"text": [f"{prefix} {i}" for i in range(len(labels))], "label": labels})
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """The address of a server that knows one dataset."""
    files = {
        "README.md": CARD,
        "data/train-00000-of-00001.parquet": parquet([0, 1] * 20, "train"),
        "data/validation-00000-of-00001.parquet": parquet([0, 1] * 3, "validation"),
        "data/test-00000-of-00001.parquet": parquet([-1] * 4, "test"),
    }
    entries = [
        {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for path, content in files.items()
    ]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.split("?")[0]
            resolved = re.fullmatch(rf"/datasets/{REPOSITORY}/resolve/[^/]+/(.+)", path)
            tree = re.fullmatch(rf"/api/datasets/{REPOSITORY}/tree/[^/]+/?(.*)", path)
            if resolved and resolved[1] in files:
                self.answer(200, files[resolved[1]], f'"{hashlib.sha1(files[resolved[1]]).hexdigest()}"')
            elif re.fullmatch(rf"/api/datasets/{REPOSITORY}(/revision/[^/]+)?", path):
                siblings = [{"rfilename": name} for name in files]
                self.answer(200, json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}).encode())
            elif tree:
                folder = [] if tree[1] else [{"type": "directory", "path": "data", "oid": "0" * 40}]
                listed = [entry for entry in entries if str(entry["path"]).startswith(tree[1])]
                self.answer(200, json.dumps(listed + folder).encode())
            else:
                self.answer(404, b"{}", code="EntryNotFound" if "resolve" in path else "RepoNotFound")

        do_HEAD = do_POST = do_GET

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


def load(name: str, home: Path, endpoint: str, offline: str = "0") -> tuple[int, str]:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": offline}
    environment |= {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", LOAD, name]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout + (done.stderr if done.returncode not in (0, 2) else "")


def test_a_hub_dataset_loads_and_loads_again_offline(hub: str, tmp_path: Path) -> None:
    code, said = load(REPOSITORY, tmp_path, hub)
    assert code == 0, said
    # The test labels are hidden, so a test split is made from the training data.
    assert said.startswith("36 6 {'test': 4}\n['neg', 'pos'] tiny/films, train:1\n")
    assert "the labels of the split 'test' are hidden (-1)" in said
    again = load(REPOSITORY, tmp_path, "http://127.0.0.1:9", offline="1")
    assert again == (code, said)


@pytest.mark.parametrize(("name", "offline"), [("tiny/nothing", "0"), ("tiny/nothing", "1")])
def test_a_dataset_that_cannot_be_had_is_refused_with_the_next_step(
    hub: str, tmp_path: Path, name: str, offline: str
) -> None:
    code, said = load(name, tmp_path, hub, offline)
    assert code == 2, said
    assert said.startswith("tiny/nothing: neither a local path nor loaded from the hub")
    assert "pass --data FOLDER" in said
    assert ("HF_HUB_OFFLINE is set" in said) == (offline == "1")
