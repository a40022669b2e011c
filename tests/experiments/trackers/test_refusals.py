"""What is refused before anything is read: unknown trackers, missing packages, servers that do not answer."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from unfreeze.cli import main
from unfreeze.experiments.trackers import TRACKERS
from unfreeze.experiments.trackers.reporting import open_trackers
from unfreeze.experiments.trackers.tracker import need_package
from unfreeze.settings import SettingsError, read_settings

SECONDS = 60.0  # far below what MLflow's own client takes; not less, for machines that are busy


def refused(*names: str) -> str:
    with pytest.raises(SettingsError) as raised:
        open_trackers(names)
    return str(raised.value)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("none", ()),
        (None, ()),
        ([], ()),
        ("mlflow", ("mlflow",)),
        ("tensorboard, mlflow", ("tensorboard", "mlflow")),
        (["tensorboard", "mlflow,tensorboard"], ("tensorboard", "mlflow")),
    ],
)
def test_one_or_several_may_be_named(written: Any, names: tuple[str, ...]) -> None:
    settings, _ = read_settings({"report_to": written})
    assert settings.report_to == names
    assert "report_to" not in settings.of_a_run()


def test_none_goes_alone() -> None:
    with pytest.raises(SettingsError, match="--report-to mlflow,none: none goes with no other"):
        read_settings({"report_to": ["mlflow", "none"]})


def test_an_unknown_tracker(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["compare", "--model", "m", "--data", "d", "--output", str(tmp_path / "out"), "--report-to", "mlfow"])
    said = capsys.readouterr()
    assert code == 2 and said.out == "" and not (tmp_path / "out").exists()
    names = ", ".join(TRACKERS)
    assert said.err == f"error: --report-to mlfow: unknown tracker. Expected {names} or none.\n"


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb", "trackio"])
def test_a_missing_package_says_what_to_install(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unfreeze.experiments.trackers.tracker.find_spec", lambda package: None)
    code = main(["train", "--model", "m", "--data", "d", "--output", str(tmp_path / "out"), "--report-to", name])
    assert code == 2 and not (tmp_path / "out").exists()
    assert capsys.readouterr().err == (
        f"error: --report-to {name}: the package {name} is not installed. "
        f"In the clone of unfreeze run `pip install -e '.[{name}]'`.\n"
    )


def test_a_folder_that_is_called_like_a_package_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb_of_mine").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ValueError, match="the package wandb_of_mine is not installed"):
        need_package("wandb", "wandb_of_mine")


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfreeze.experiments.trackers.tracker.find_spec", lambda package: None)
    assert len(refused("comet", "wandb", "mlflow").splitlines()) == 3


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def other_server() -> Iterator[str]:
    """Answers, but it is no MLflow."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


@pytest.fixture
def no_server() -> str:
    """Nobody listens there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"http://user:secret@127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("which", ["no_server", "silent_server", "other_server"])
def test_mlflow_that_does_not_answer(
    which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    address = request.getfixturevalue(which)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    begin = time.monotonic()
    said = refused("mlflow")
    assert time.monotonic() - begin < SECONDS
    shown = address.replace("user:secret@", "")
    assert said.startswith(f"--report-to mlflow: {shown} does not answer as an MLflow server (")
    assert said.endswith("Start it, correct MLFLOW_TRACKING_URI, or pass --report-to none.") and "\n" not in said


@pytest.mark.slow
def test_mlflow_without_a_server_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert refused("mlflow") == (
        "--report-to mlflow: no server is named. Set MLFLOW_TRACKING_URI, as http://127.0.0.1:5000."
    )


@pytest.mark.slow
def test_wandb_online_without_a_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "online")
    said = refused("wandb")
    assert said == (
        "--report-to wandb: WANDB_MODE is online and nobody is logged in. "
        "Run `wandb login`, set WANDB_MODE=offline, or pass --report-to none."
    )


def test_a_resumed_comparison_may_be_told_to_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.yaml").write_text("report_to: [mlfow]\nmodel: [m]\n")
    assert main(["compare", "--resume", str(tmp_path)]) == 2
    assert "--report-to mlfow: unknown tracker" in capsys.readouterr().err
    taken: list[Any] = []

    def compared(settings: Any, listener: Any) -> Any:
        taken.append(settings)
        raise SettingsError(["enough"])

    monkeypatch.setattr("unfreeze.experiments.compare.compare", compared)
    assert main(["compare", "--resume", str(tmp_path), "--report-to", "none"]) == 2
    assert taken[0].report_to == ()
