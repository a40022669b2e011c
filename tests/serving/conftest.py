"""Tiny models of every kind behind a real server on a free loopback port, and a client that says what it heard."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from unfreeze.serving.app import create_app
from unfreeze.serving.options import ServingOptions
from unfreeze.serving.served_model import LoadedModel, NamedModel, load
from unfreeze.serving.server import server_of

KINDS = {
    "mood": ("AutoModelForSequenceClassification", {"0": "anger", "1": "joy", "2": "sadness"}),
    "names": ("AutoModelForTokenClassification", {"0": "O", "1": "B-PER", "2": "I-PER"}),
    "reader": ("AutoModelForQuestionAnswering", None),
    "filler": ("AutoModelForMaskedLM", None),
}


@dataclass(frozen=True)
class Heard:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Requests to one port of this machine, each on a connection of its own."""

    port: int

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Heard:
        """A body that is no bytes is sent as JSON."""
        sent = {} if body is None else {"content-type": "application/json"}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, data, sent | (headers or {}))
            response = connection.getresponse()
            found = {key.lower(): value for key, value in response.getheaders()}
            return Heard(response.status, found, response.read())
        finally:
            connection.close()

    def ask(self, name: str, route: str, inputs: Any, **options: Any) -> Any:
        """The answers of a model; the test fails where there are none."""
        heard = self.call("POST", f"/v1/models/{name}/{route}", {"inputs": inputs, **options})
        assert heard.status == 200, heard.body
        return heard.json

    def raw(self, data: bytes, *, then: Callable[[socket.socket], None] | None = None, seconds: float = 20) -> bytes:
        """Send bytes as they are; all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            if then is not None:
                then(connection)
            found = b""
            while chunk := connection.recv(65_536):
                found += chunk
            return found


@pytest.fixture(scope="session")
def model_folders(family_folder: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name to the folder of a tiny random model with labels of its own."""
    import torch
    import transformers

    root, folders = tmp_path_factory.mktemp("served"), {}
    for name, (auto_class, labels) in KINDS.items():
        base = family_folder("bert")
        torch.manual_seed(1)
        named = {} if labels is None else {"id2label": labels, "label2id": {one: int(i) for i, one in labels.items()}}
        config = transformers.AutoConfig.from_pretrained(base, **named)
        network = getattr(transformers, auto_class).from_config(config)
        network.save_pretrained(root / name)
        transformers.AutoTokenizer.from_pretrained(base).save_pretrained(root / name)
        folders[name] = root / name
    return folders


@pytest.fixture(scope="session")
def loaded_models(model_folders: dict[str, Path]) -> dict[str, LoadedModel]:
    """One model for each route."""
    return {name: load(NamedModel(name, str(folder))) for name, folder in model_folders.items()}


@contextmanager
def running(models: list[LoadedModel], options: ServingOptions | None = None) -> Iterator[Client]:
    """A real server in a thread, until the end of the block."""
    taken = socket.create_server(("127.0.0.1", 0))
    options = replace(options or ServingOptions(), port=taken.getsockname()[1])
    server = server_of(create_app(models, options), options)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Client(options.port)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """`with serving([model, ...], ServingOptions(...)) as client:`"""
    return running


@pytest.fixture(scope="module")
def client(loaded_models: dict[str, LoadedModel]) -> Iterator[Client]:
    """A server with all four models and the defaults."""
    with running(list(loaded_models.values())) as found:
        yield found
