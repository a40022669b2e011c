"""Jobs one after another in this process: for objects that cannot be sent, and for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfreeze.experiments.launchers.launcher import Death, J, Message, R, Work, tell_nobody


@dataclass(frozen=True)
class InProcess:
    """Runs one job after another here. A job that kills its process ends the program."""

    own_process: ClassVar[bool] = False
    jobs_at_once: ClassVar[int] = 1
    jobs_on_one_machine: ClassVar[int] = 1

    def run(
        self,
        work: Work[J, R],
        jobs: Sequence[J],
        heard: Callable[[J, Message], None],
        started: Callable[[J], None] = tell_nobody,
    ) -> Generator[tuple[J, R | Death], None, None]:
        """See `Launcher.run`; the order is that of `jobs`."""
        for job in jobs:
            started(job)
            outcome: R | Death
            try:
                outcome = work(job, partial(heard, job))
            except Exception as error:  # whatever it was: the other jobs go on
                outcome = Death.by_exception(error)
            yield job, outcome
