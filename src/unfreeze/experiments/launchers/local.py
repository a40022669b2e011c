"""Every job in a fresh process of this machine, several at once if wanted."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import ClassVar

from unfreeze.experiments.launchers.job_process import JobProcess, stop
from unfreeze.experiments.launchers.launcher import Death, J, LauncherError, Message, R, Work, tell_nobody
from unfreeze.experiments.launchers.sending import check_sendable
from unfreeze.experiments.launchers.start_method import context, refuse_where_nothing_can_start


@dataclass(frozen=True)
class LocalProcesses:
    """Each job in its own process, so that its peak memory is its own and its end is not the program's.

    Create it before anything is done: a script without `if __name__ == "__main__":` is refused here.

    Args:
        jobs: how many at once. With more than one, each process gets an equal share of the processor's cores, also when
            fewer jobs are left, so that their times can be compared.

    Raises:
        LauncherError: fewer than one job, or a process that may not start others.
    """

    jobs: int = 1
    own_process: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise LauncherError(f"jobs={self.jobs}: how many runs at once, at least 1.")
        refuse_where_nothing_can_start()

    @property
    def jobs_at_once(self) -> int:
        return self.jobs

    @property
    def jobs_on_one_machine(self) -> int:
        return self.jobs

    def run(
        self,
        work: Work[J, R],
        jobs: Sequence[J],
        heard: Callable[[J, Message], None],
        started: Callable[[J], None] = tell_nobody,
    ) -> Generator[tuple[J, R | Death], None, None]:
        """See `Launcher.run`. When the generator is closed or interrupted, no job's process is left behind."""
        refuse_where_nothing_can_start()
        check_sendable("The function", work)
        for job in jobs:
            check_sendable("The job", job)
        waiting = deque(jobs)
        running: list[JobProcess[J]] = []
        try:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    running.append(JobProcess(context(), work, waiting[0], self._threads()))
                    started(waiting.popleft())
                ready = wait([signal for process in running for signal in process.signals])
                for process in [one for one in running if not set(one.signals).isdisjoint(ready)]:
                    process.take(heard)
                    if process.over:
                        running.remove(process)
                        yield process.job, process.outcome
        finally:
            stop(running)

    def _threads(self) -> int | None:
        """torch's threads for a job; None where a new process's own number is right."""
        if self.jobs > 1:
            return max(1, _cores() // self.jobs)
        if "torch" not in sys.modules:
            return None
        import torch

        return torch.get_num_threads()


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
