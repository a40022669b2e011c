"""What every launcher promises, and what it says of a job that gave no result."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from traceback import format_exception
from typing import Any, Protocol, TypeVar

J = TypeVar("J")
R = TypeVar("R")

Message = Any  # how far a job is; where jobs have their own processes, something that pickle can send
Say = Callable[[Message], None]
Work = Callable[[J, Say], R]

STOP_SECONDS = 120.0  # that a job which is asked to end may take; it may be writing where its run is


class LauncherError(RuntimeError):
    """The jobs cannot be run in this way at all; the text says what to do instead."""


@dataclass(frozen=True)
class Death:
    """A job that ended without a result.

    Args:
        reason: one sentence for the user.
        traceback: where an exception came from; empty where the process itself ended.
    """

    reason: str
    traceback: str = field(default="", compare=False, repr=False)

    @classmethod
    def by_exception(cls, error: BaseException, doing: str = "") -> Death:
        """An exception as text: the object itself may hold things that cannot be sent."""
        return cls(f"{doing}{type(error).__name__}: {error}", "".join(format_exception(error)))

    @classmethod
    def by_exit(cls, code: int) -> Death:
        """A process that ended by itself or was ended; `code` is negative for a signal, as in `multiprocessing`."""
        if code >= 0:
            return cls(f"its process ended with exit code {code} before it gave a result")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        if name == "SIGKILL":
            return cls("killed by SIGKILL: most often the system was out of memory")
        return cls(f"killed by {name}")


def tell_nobody(job: Any) -> None:
    """For a launcher whose caller does not want to know when a job starts."""


class Launcher(Protocol):
    """Runs jobs; where is its own affair."""

    @property
    def own_process(self) -> bool:
        """Does each job have a process, and so a peak of memory, of its own?"""
        ...

    @property
    def jobs_at_once(self) -> int:
        """How many run at the same time, at most."""
        ...

    @property
    def jobs_on_one_machine(self) -> int:
        """How many of them share a machine, at most, which their times show."""
        ...

    def run(
        self,
        work: Work[J, R],
        jobs: Sequence[J],
        heard: Callable[[J, Message], None],
        started: Callable[[J], None] = tell_nobody,
    ) -> Generator[tuple[J, R | Death], None, None]:
        """Run `work(job, say)` for every job and yield each job with its result as soon as there is one.

        A job that gives no result yields a `Death`; the others go on. One at a time, the order is that of `jobs`.
        Everything is called in the caller's thread while it waits for the next result: `started(job)` when a job
        begins, `heard(job, message)` for everything it says. Close the generator (`contextlib.closing`) to stop early.

        Raises:
            LauncherError: this launcher cannot run these jobs.
        """
        ...
