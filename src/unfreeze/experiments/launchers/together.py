"""Runs that all processes started by `torchrun` or `accelerate launch` make together, one run at a time.

The first process reads the data, decides, and writes where the comparison lies. The others are told each job and do the
same, but write nothing: so every exchange in the loop finds all of them at one place. A job that fails in one of them
has failed, and the next one begins with all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from unfreeze.acceleration.ranks import Apart, OtherFailed, Ranks
from unfreeze.experiments.launchers.launcher import Death, J, LauncherError, Message, R, Work, tell_nobody
from unfreeze.experiments.launchers.sending import pack, unpack
from unfreeze.storage.feature_files import FeatureFiles, cache_folder
from unfreeze.training.stopping import signals_noted


@dataclass(frozen=True)
class _Order:
    """One job for all."""

    work: Any
    job: Any  # without what is shared
    shared: dict[str, int]  # field -> number of the thing
    things: dict[int, Any]  # those that were not sent before


@dataclass
class Together:
    """The first process's launcher."""

    ranks: Ranks
    own_process: ClassVar[bool] = False
    jobs_at_once: ClassVar[int] = 1
    jobs_on_one_machine: ClassVar[int] = 1
    _sent: list[Any] = field(default_factory=list, init=False, repr=False)

    def run(
        self,
        work: Work[J, R],
        jobs: Sequence[J],
        heard: Callable[[J, Message], None],
        started: Callable[[J], None] = tell_nobody,
    ) -> Generator[tuple[J, R | Death], None, None]:
        """See `Launcher.run`; the order is that of `jobs`.

        Raises:
            Apart: another process is gone.
        """
        for job in jobs:
            started(job)
            self.ranks.from_leader((True, self._order(work, job)))
            outcome: R | Death
            try:
                with signals_noted(), self.ranks.one_fate():
                    outcome = work(job.among(self.ranks), partial(heard, job))  # type: ignore[attr-defined]
            except OtherFailed as error:
                outcome = Death(str(error))
            except Exception as error:  # whatever it was: the other jobs go on
                outcome = Death.by_exception(error)
            yield job, outcome

    def _order(self, work: Any, job: Any) -> bytes:
        shared, things = {}, {}
        for name in job.shared:
            thing = getattr(job, name)
            known = [number for number, one in enumerate(self._sent) if one is thing]
            if not known:
                known = [len(self._sent)]
                self._sent.append(thing)
                things[known[0]] = thing
            shared[name] = known[0]
        order = _Order(work, replace(job, **dict.fromkeys(shared)), shared, things)
        try:
            return pack(order, far=True)
        except Exception as error:  # PicklingError, AttributeError, TypeError, or what somebody's __reduce__ raises
            raise LauncherError(f"a run cannot be sent to the other processes: {error}. {MODULE}") from error


MODULE = "Put the classes and functions that it holds into a module, or start one process."


@contextmanager
def leading(ranks: Ranks) -> Iterator[list[Any]]:
    """In the first process: the others end when the body does. What is put into the list, they are given.

    Raises:
        LauncherError: another process is gone.
    """
    result: list[Any] = []
    try:
        yield result
    except Exception:
        _end(ranks, None)
        raise
    except Apart as error:  # nobody hears an end
        raise LauncherError(f"{error}. What is finished stays; start the command again.") from error
    _end(ranks, result[0])


def _end(ranks: Ranks, result: Any) -> None:
    with suppress(Apart):
        ranks.from_leader((False, pack(result)))


def follow(ranks: Ranks) -> Any:
    """In every other process: make what the first one makes, until it ends; what it ended with.

    Raises:
        LauncherError: it ended with an error, or is gone.
    """
    known: dict[int, Any] = {}
    try:
        while True:
            is_order, packed = ranks.from_leader((False, b""))
            if not is_order:
                break
            with suppress(Exception), signals_noted(), ranks.one_fate():  # the first process tells what went wrong
                _make(packed, known, ranks)
    except Apart as error:
        raise LauncherError(f"process {ranks.rank}: {error}") from error
    result = unpack(packed)
    if result is None:
        raise LauncherError(f"process {ranks.rank}: the first process ended early; it says why.")
    return result


def _make(packed: bytes, known: dict[int, Any], ranks: Ranks) -> None:
    """One job of the first process, here."""
    order = unpack(packed)
    known |= order.things
    job = replace(order.job, **{name: known[number] for name, number in order.shared.items()})
    with TemporaryDirectory(prefix="unfreeze-rank-") as root:
        order.work(job.arrived(Path(root), FeatureFiles(cache_folder())).among(ranks), lambda message: None)
