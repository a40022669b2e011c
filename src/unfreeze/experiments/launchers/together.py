"""Runs that all processes started by `torchrun` or `accelerate launch` make together, one run at a time.

The first process reads the data, decides, and writes where the comparison lies. The others are told each job and do the
same, below a folder of their own that is thrown away: so every exchange in the loop finds all of them at one place.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from unfreeze.acceleration.ranks import Ranks
from unfreeze.experiments.launchers.launcher import Death, J, LauncherError, Message, R, Work, tell_nobody
from unfreeze.experiments.launchers.sending import pack, unpack
from unfreeze.experiments.travelling import files_of, put_files
from unfreeze.storage.feature_files import FeatureFiles, cache_folder

MEET_SECONDS = 600.0  # one that has saved its copy of a run has to be there


@dataclass(frozen=True)
class _Order:
    """One job for all."""

    work: Any
    job: Any  # without what is shared
    shared: dict[str, int]  # field -> number of the thing
    things: dict[int, Any]  # those that were not sent before
    files: dict[str, bytes]  # that an earlier attempt left


@dataclass(frozen=True)
class _End:
    """The first process is through; None: by an error, which it tells."""

    result: Any


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
            LauncherError: the processes are no longer at one place.
        """
        for job in jobs:
            started(job)
            self.ranks.from_leader(pack(self._order(work, job), far=True))
            outcome: R | Death
            try:
                outcome = work(job.among(self.ranks), partial(heard, job))  # type: ignore[attr-defined]
            except Exception as error:  # whatever it was: the other jobs go on
                outcome = Death.by_exception(error)
            try:
                self.ranks.meet(MEET_SECONDS)
            except RuntimeError as error:
                reason = f": {outcome.reason}" if isinstance(outcome, Death) else ""
                raise LauncherError(
                    f"Of {self.ranks.world} processes some did not come to the end of a run{reason} ({error}). What is "
                    "finished stays; start the command again."
                ) from None
            yield job, outcome

    def _order(self, work: Any, job: Any) -> _Order:
        shared, things = {}, {}
        for name in job.shared:
            thing = getattr(job, name)
            known = [number for number, one in enumerate(self._sent) if one is thing]
            if not known:
                known = [len(self._sent)]
                self._sent.append(thing)
                things[known[0]] = thing
            shared[name] = known[0]
        return _Order(work, replace(job, **dict.fromkeys(shared)), shared, things, files_of(job))


@contextmanager
def leading(ranks: Ranks) -> Iterator[list[Any]]:
    """In the first process: the others end when the body does. What is put into the list, they are given."""
    result: list[Any] = []
    try:
        yield result
    finally:
        if not ranks.alone:
            with suppress(RuntimeError):  # they have gone already
                ranks.from_leader(pack(_End(result[0] if result else None)))


def follow(ranks: Ranks) -> Any:
    """In every other process: make what the first one makes, until it ends; what it ended with.

    Raises:
        LauncherError: it ended with an error.
    """
    known: dict[int, Any] = {}
    while True:
        order = unpack(ranks.from_leader(b""))
        if isinstance(order, _End):
            if order.result is None:
                raise LauncherError(f"process {ranks.rank}: the first process ended early; it says why.")
            return order.result
        known |= order.things
        job = replace(order.job, **{name: known[number] for name, number in order.shared.items()})
        with TemporaryDirectory(prefix="unfreeze-rank-") as root:
            job = job.arrived(Path(root), FeatureFiles(cache_folder())).among(ranks)
            if order.files:
                put_files(job.folder, order.files)
            with suppress(Exception):  # the first process has the same, and tells it
                order.work(job, lambda message: None)
        ranks.meet(MEET_SECONDS)
