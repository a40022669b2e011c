"""The parent's end: one job and the process that runs it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, Generic

from unfreeze.experiments.launchers.child import Begun, Finished, Says, Surroundings, Unreadable, serve
from unfreeze.experiments.launchers.launcher import STOP_SECONDS, Death, J, LauncherError, Message, Work
from unfreeze.experiments.launchers.sending import pack, unpack
from unfreeze.experiments.launchers.start_method import UNGUARDED

END_SECONDS = 10.0  # a process whose work is done has this long to end
ASK_SECONDS = 2.0  # between two requests to end


class JobProcess(Generic[J]):
    """Starts a process for the job and follows it; `over` once there is an outcome, and the process is gone then."""

    def __init__(
        self, context: ForkServerContext | SpawnContext, work: Work[J, Any], job: J, threads: int | None
    ) -> None:
        self.job = job
        self.over = False
        self.outcome: Any = None
        self._work = work
        self._threads = threads
        self._begun = False
        self._connection: Connection
        self._connection, theirs = context.Pipe()
        # A daemon is ended by multiprocessing when this program exits without having closed the launcher.
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        try:
            self._process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()  # so that the pipe ends when the child does

    @property
    def signals(self) -> tuple[Connection, int]:
        """What to wait for: either becomes ready when there is something to take."""
        return self._connection, self._process.sentinel

    def take(self, heard: Callable[[J, Message], None]) -> None:
        """Take one message, or notice that the process has ended. Call when one of `signals` is ready.

        Raises:
            LauncherError: the process could not begin, or could not read the job; so it would be with the others.
        """
        packed = self._receive()
        if packed is None:
            self._take_end()
            return
        try:
            message = unpack(packed)
        except Exception as error:  # whatever a user's class raises when it is made again here
            self.ask_to_end()
            self._finish(Death.by_exception(error, "what it sent cannot be read: "))
            return
        match message:
            case Begun():
                self._begun = True
                self._send_job()
            case Says(said):
                heard(self.job, said)
            case Unreadable(reason):
                raise LauncherError(reason)
            case Finished(outcome):
                self._finish(outcome)

    def _receive(self) -> bytes | None:
        """The next message; None if there is none, which with a ready signal means that the process has ended."""
        try:
            return self._connection.recv_bytes() if self._connection.poll() else None
        except (EOFError, OSError):  # OSError where it ended in the middle of a message
            return None

    def _send_job(self) -> None:
        with suppress(OSError):  # it ended meanwhile; the next message will be the end
            self._connection.send_bytes(pack(Surroundings(dict(os.environ), self._threads)))
            self._connection.send_bytes(pack((self._work, self.job)))

    def _finish(self, outcome: Any) -> None:
        self.wait(END_SECONDS)
        self.kill()
        self.outcome = outcome
        self.over = True

    def _take_end(self) -> None:
        self._process.join(END_SECONDS)
        code = self._process.exitcode
        if code is None:
            self._finish(Death("its process closed the connection and did not end; it was killed"))
        elif code >= 0 and not self._begun:
            reason = "before it could begin; what it wrote to stderr says why"
            raise LauncherError(f"A process ended with exit code {code} {reason}. {UNGUARDED}")
        else:
            self._finish(Death.by_exit(code))

    def ask_to_end(self) -> None:
        """By SIGTERM, or what the system has for it."""
        self._process.terminate()

    @property
    def runs(self) -> bool:
        """Has it not ended?"""
        return self._process.exitcode is None

    def wait(self, seconds: float) -> None:
        """Until the process has ended, but not longer."""
        self._process.join(seconds)

    def kill(self) -> None:
        """End it for certain and give everything back. Harmless when it has ended."""
        self._connection.close()
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._process.close()


def stop(processes: Sequence[JobProcess[Any]]) -> None:
    """End the processes, all at once, and wait until they are gone."""
    try:
        deadline = time.monotonic() + STOP_SECONDS
        waiting = list(processes)
        while waiting and time.monotonic() < deadline:
            for process in waiting:
                process.ask_to_end()  # once more to one that had only just begun; others take it for one
            until = time.monotonic() + ASK_SECONDS
            for process in waiting:
                process.wait(max(0.0, until - time.monotonic()))
            waiting = [process for process in waiting if process.runs]
    finally:  # also on a second Ctrl-C
        for process in processes:
            process.kill()
