"""`unfreeze serve`: a mistake is one line that says what to do; a signal ends it in order."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from unfreeze.cli import main
from unfreeze.serving.host_check import is_loopback
from unfreeze.serving.listening import address_of
from unfreeze.serving.mistakes import ServingError
from unfreeze.serving.options import ServingOptions
from unfreeze.serving.served_model import named_models

SOURCE = Path(__file__).parents[2] / "src"


def mistake(*arguments: object) -> str:
    """The one line of a call that ends with exit code 2."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        try:
            code = main(["serve", *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
    assert code == 2, err.getvalue()
    [line] = err.getvalue().splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the following arguments are required: [NAME=]MODEL"),
        (["none"], "none: no model found"),
        (["m", "--port", "0"], "--port 0: expected a port from 1 to 65535, such as 8000."),
        (["m", "--port", "65536"], "--port 65536: expected a port from 1 to 65535"),
        (["m", "--port", "http"], "argument --port: invalid int value: 'http'"),
        (["m", "--max-batch-size", "0"], "--max-batch-size 0: expected 1 or more."),
        (["m", "--max-wait-ms", "nan"], "--max-wait-ms nan: expected a number from 0 to 86400."),
        (["m", "--timeout-seconds", "0"], "--timeout-seconds 0.0: expected a number from 0.1 to 86400."),
        (["m", "--host", "no.such.host.invalid"], "--host no.such.host.invalid: no such name or address. Use 127."),
        (["m", "--host", "a" * 300], ": no such name or address. Use 127.0.0.1"),
        (["m", "--host", "203.0.113.1"], "--host 203.0.113.1: is no address of this machine. Use 127.0.0.1"),
        (["m", "--device", "gpu7"], "--device gpu7: is not there. Use cpu, or cuda where there is a GPU."),
        (["=m"], "=m: '' cannot name a model. Write NAME=DIR"),
        (["a b=m"], "a b=m: 'a b' cannot name a model."),
        (["a=m", "a=n"], "a=n: another model is called 'a' already (m). Name them: NAME=DIR."),
    ],
)
def test_one_line_and_exit_code_2(arguments: list[str], says: str, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if arguments and "--port" not in arguments:
        with socket.create_server(("127.0.0.1", 0)) as free:
            arguments = [*arguments, "--port", str(free.getsockname()[1])]
    line = mistake(*arguments)
    if "203.0.113.1" in arguments:
        # A machine without that address, but where one may listen on any, hears of the model instead.
        assert says in line or "no model found" in line
    else:
        assert says in line


def test_a_port_that_is_taken_is_said_before_a_model_is_loaded(model_folders: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = mistake(model_folders["mood"], "--port", port)
    assert said == (
        f"--port {port}: another program listens there on 127.0.0.1. Stop it, or choose another port: "
        f"--port {port + 1 if port < 65535 else 8000}."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere")
def test_a_port_of_the_administrator() -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) > 80:
        assert "you may not listen there. Choose one from 1024" in mistake("m", "--port", 80)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfreeze.cli.serve.NEEDED", ("fastapi", "no_such_package"))
    assert mistake("m") == "serve needs no_such_package: pip install -e '.[serve]' in the clone of unfreeze."


def test_models_are_named_after_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    written = ["runs/my emotion/", "org/bert-base", "other=runs/x=y", "a=b"]
    found = {one.name: one.path for one in named_models(written)}
    assert found == {
        "my-emotion": "runs/my emotion/",
        "bert-base": "org/bert-base",
        "other": "runs/x=y",
        "a-b": "a=b",
    }
    with pytest.raises(ServingError, match="Name them"):
        named_models(["x/seed-1", "y/seed-1"])


def test_every_option_has_a_flag_with_help() -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        main(["serve", "--help"])
    for one in fields(ServingOptions):
        assert f"--{one.name.replace('_', '-')}" in out.getvalue()


def test_addresses_are_clickable() -> None:
    assert address_of(ServingOptions(host="::1")) == "http://[::1]:8000"
    assert address_of(ServingOptions()) == "http://127.0.0.1:8000"
    assert not is_loopback("") and not is_loopback("0.0.0.0") and not is_loopback("localhost.example")


@pytest.fixture
def process(model_folders: dict[str, Path]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command in a process of its own, with two models, and its port once it is open."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "unfreeze", "serve", f"mood={model_folders['mood']}", str(model_folders["names"])]
    started = subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    assert started.stderr is not None
    said = [started.stderr.readline() for _ in range(3)]
    assert [line.split(":")[0] for line in said[:2]] == ["mood", "names"], said
    assert said[2].startswith(f"serving on http://127.0.0.1:{port} ") and "stop with Ctrl-C" in said[2]
    try:
        yield started, port
    finally:
        started.kill()
        started.communicate()


def heed_interrupts() -> None:
    """What was started in the background ignores SIGINT, and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ask(port: int) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"content-type": "application/json"}
    with contextlib.closing(connection):
        connection.request("POST", "/v1/models/mood/classify", b'{"inputs": "the happy day"}', headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_order(process: tuple[subprocess.Popen[str], int], number: int, code: int) -> None:
    started, port = process
    assert ask(port)[0] == 200
    with socket.create_connection(("127.0.0.1", port)) as idle:
        started.send_signal(number)
        out, err = started.communicate(timeout=60)
        assert idle.recv(10) == b""
    assert started.returncode == code and out == ""
    assert err.splitlines() == ["error: terminated" if number == signal.SIGTERM else "error: interrupted"]
    with pytest.raises(ConnectionRefusedError):
        ask(port)


def status(port: int, path: str) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


@pytest.mark.slow
def test_it_says_that_it_stops_while_it_finishes_what_it_began(process: tuple[subprocess.Popen[str], int]) -> None:
    started, port = process
    assert [status(port, path) for path in ("/readyz", "/healthz")] == [200, 200]
    body = b'{"inputs": "the happy day"}'
    head = f"POST /v1/models/mood/classify HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as begun:
        begun.sendall(f"{head}content-type: application/json\r\nexpect: 100-continue\r\n\r\n".encode())
        assert begun.recv(100).startswith(b"HTTP/1.1 100 ")  # it is waiting for the body
        started.send_signal(signal.SIGTERM)
        while status(port, "/readyz") == 200:
            assert started.poll() is None
        assert [status(port, path) for path in ("/readyz", "/healthz", "/")] == [503, 200, 503]
        refused, why = ask(port)
        assert (refused, why) == (503, {"title": "Service Unavailable", "status": 503,
                                        "detail": "The server is stopping."})  # fmt: skip
        begun.sendall(body)
        assert begun.recv(1_000).startswith(b"HTTP/1.1 200 ")
        started.communicate(timeout=60)
    assert started.returncode == 143


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(process: tuple[subprocess.Popen[str], int]) -> None:
    started, port = process
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /v1/models/mood/classify HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n")
        time.sleep(0.3)
        started.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert started.poll() is None  # it waits for the body
        started.send_signal(signal.SIGTERM)
        started.communicate(timeout=10)
    assert started.returncode == 143
