"""The cluster: how it is reached, which machines it has, and where our actors live in it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unfreeze.experiments.launchers.launcher import Death, LauncherError

INSTALL = "In the clone of unfreeze run `pip install -e '.[ray]'`"
ANSWER_SECONDS = 5.0  # that a cluster's port may take; Ray itself tries for minutes
# What a client of HTTP/2, and so of gRPC, says first (RFC 9113, section 3.4): a line, and settings that change nothing.
# A server of it answers with its settings; their kind is the fourth byte.
GREETING, SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5), b"\x04"


def connect(address: str) -> None:
    """Start Ray, or find a cluster; one that this program is connected to already is used.

    Raises:
        LauncherError: that is not possible; says what to do.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a task that asks for no GPU sees none
    try:
        import ray
    except ImportError:
        raise LauncherError(f"--launcher ray: Ray is not installed. {INSTALL}, or leave --launcher out.") from None
    from unfreeze.batching.window_file import WindowFile

    # Within a machine a file is shared by its place; to another one its content has to go.
    ray.util.register_serializer(WindowFile, serializer=WindowFile.content, deserializer=WindowFile.of_content)
    if ray.is_initialized():
        return
    if address == "local":  # ours alone: as fast as without Ray, which gives way to all others by default
        os.environ.setdefault("RAY_worker_niceness", "0")
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    try:
        _knock(address)
        with _own_signals():
            ray.init(address=address, include_dashboard=False if address == "local" else None, log_to_driver=False,
                     logging_level="ERROR", configure_logging=False)  # fmt: skip
    except (OSError, ValueError, RuntimeError) as error:
        # What Ray says of a wrong token goes to the terminal by itself, and not into its error.
        token = " If it asks for a token, set RAY_AUTH_MODE=token." if type(error) is ConnectionError else ""
        raise LauncherError(
            f"--address {address}: no Ray cluster was reached ({first_line(error)}).{token} Start one with "
            "`ray start --head`, give the address that it prints, or --address local for this machine alone."
        ) from None


def _knock(address: str) -> None:
    """Does something answer there that may be Ray?

    Raises:
        OSError, ValueError: nothing does; or the address is none.
    """
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ValueError("expected auto, local or HOST:PORT")
    with socket.create_connection((host, int(port)), ANSWER_SECONDS) as line:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        line.sendall(GREETING)
        if line.recv(9, socket.MSG_WAITALL)[3:4] != SETTINGS:
            raise ValueError("something else answers there")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Afterwards SIGTERM is handled as before: Ray would end the program with an exit code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def actor(kind: type[Any]) -> Any:
    """An actor on this machine and no other: what it holds lives as long as the comparison, whichever machine dies."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0)(kind).options(scheduling_strategy=here).remote()


def machines() -> list[tuple[float, float]]:
    """CPUs and GPUs of each machine that lives."""
    import ray

    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(resources.get("CPU", 0.0), resources.get("GPU", 0.0)) for resources in found]


def unreadable(error: BaseException) -> Death:
    """For what Ray raises where an object arrives that is made of something which the machine has not."""
    return Death(
        f"the machine could not read what it was sent ({first_line(error)}). Classes and functions of your own must "
        "be in a package that every machine has."
    )


def first_line(error: BaseException) -> str:
    """An error in one line."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
