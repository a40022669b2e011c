"""The child's end: what a job's own process does from its start to its result."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from unfreeze.experiments.launchers.launcher import Death, Message
from unfreeze.experiments.launchers.sending import WAY_OUT, pack, unpack


@dataclass(frozen=True)
class Surroundings:
    """What the parent has that a new process would not: set before anything of the job is read."""

    environment: dict[str, str]
    threads: int | None  # torch's threads within an operation; None leaves them alone


@dataclass(frozen=True)
class Begun:
    """The process is up: Python runs, and the user's script has been imported."""


@dataclass(frozen=True)
class Unreadable:
    """The job arrived, but this process has not what it is made of."""

    reason: str


@dataclass(frozen=True)
class Says:
    """The work reports how far it is."""

    message: Message


@dataclass(frozen=True)
class Finished:
    """The work is over: its result, or the `Death` of an exception."""

    outcome: Any


def serve(connection: Connection) -> None:
    """Run the one job that the parent sends; then the process ends."""
    # Ctrl-C reaches all processes of a terminal; the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the fork server ignores it
    try:
        _send(connection, Begun())
        _take_over(unpack(connection.recv_bytes()))
        packed = connection.recv_bytes()
    except (EOFError, OSError):
        return  # the parent ended or gave up: nobody waits for a result
    threading.Thread(target=_end_with_the_parent, args=(connection,), daemon=True).start()
    try:
        work, job = unpack(packed)
    except Exception as error:  # AttributeError or ImportError, or whatever a user's class raises
        reason = f"a job cannot be read in another process: {type(error).__name__}: {error}. {WAY_OUT}"
        _send(connection, Unreadable(reason))
        return
    del packed  # may be large, and this process's memory is measured
    try:
        outcome = work(job, lambda message: _send(connection, Says(message)))
    except Exception as error:
        outcome = Death.by_exception(error)
    try:
        finished = pack(Finished(outcome))
    except Exception as error:
        finished = pack(Finished(Death.by_exception(error, "its result cannot be sent: ")))
    connection.send_bytes(finished)


def _send(connection: Connection, message: Any) -> None:
    connection.send_bytes(pack(message))


def _take_over(surroundings: Surroundings) -> None:
    for name in os.environ.keys() - surroundings.environment.keys():
        del os.environ[name]
    os.environ.update(surroundings.environment)
    if surroundings.threads is not None:
        import torch

        torch.set_num_threads(surroundings.threads)


def _end_with_the_parent(connection: Connection) -> None:
    """The parent sends nothing more; its end closes when it stops this job or dies, by SIGKILL too."""
    try:
        connection.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
