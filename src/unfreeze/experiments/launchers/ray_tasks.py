"""Every job as a task of a Ray cluster, on whichever of its machines has room; lost ones are tried again.

What several jobs have in common goes through Ray's object store, once to each machine. A task writes into a folder of
its own; the newest state of its run comes here while it goes on (`ray_states.py`), all it wrote with its result. So the
machines need no disk in common, this program is the only one that writes where the comparison lies, and a task that
was thought lost and goes on does no harm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from unfreeze.experiments.launchers.launcher import Death, J, LauncherError, Message, R, Work, tell_nobody
from unfreeze.experiments.launchers.ray_attempts import Attempt, Attempts, Lost
from unfreeze.experiments.launchers.ray_cluster import actor, connect, first_line, machines, unreadable
from unfreeze.experiments.launchers.ray_shelf import Shelf
from unfreeze.experiments.launchers.ray_worker import Order, serve, versions
from unfreeze.experiments.travelling import Travelling, files_of, put_files
from unfreeze.storage.atomic import new_folder
from unfreeze.training.stopping import signals_noted

AHEAD = 2  # times as many tasks as run at once are ordered: a machine has its next one when it is done


@dataclass
class RayTasks:
    """Jobs as tasks of Ray.

    Args:
        address: `local` starts Ray on this machine, `auto` finds the cluster that this machine belongs to; else the
            address of a cluster, as `ray start` prints it.
        cpus_per_run: cores that a job reserves; it computes with as many threads.
        gpus_per_run: the same for GPUs.
        retries: how often a job is tried again whose machine or process died.

    Raises:
        LauncherError: Ray is not installed, cannot be reached, or no machine of the cluster is large enough.
    """

    address: str = "local"
    cpus_per_run: int = 1
    gpus_per_run: float = 0.0
    retries: int = 3
    own_process: ClassVar[bool] = True
    _shelf: Any = field(init=False, repr=False)
    # By id; the thing is held, so that nothing else gets its id.
    _shipped: dict[int, tuple[Any, Any]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        connect(self.address)
        if not self._places():
            needed = f"--cpus-per-run {self.cpus_per_run} --gpus-per-run {self.gpus_per_run:g}"
            largest = max(machines(), default=(0.0, 0.0))
            raise LauncherError(
                f"{needed}: no machine of the Ray cluster has so much; the largest has {largest[0]:g} CPUs and "
                f"{largest[1]:g} GPUs. Ask for less, or add a machine."
            )
        self._shelf = actor(Shelf)

    @property
    def jobs_at_once(self) -> int:
        return sum(self._places())

    @property
    def jobs_on_one_machine(self) -> int:
        return max(self._places(), default=1)

    def run(
        self,
        work: Work[J, R],
        jobs: Sequence[J],
        heard: Callable[[J, Message], None],
        started: Callable[[J], None] = tell_nobody,
    ) -> Generator[tuple[J, R | Death], None, None]:
        """See `Launcher.run`. When the generator is closed or interrupted, tasks are asked to end, and what they have
        saved is kept; those that do not end are killed.

        Raises:
            LauncherError: the cluster itself failed.
        """
        import ray

        try:
            yield from self._run(work, jobs, heard, started)
        except ray.exceptions.RayError as error:  # not of a task: those are outcomes
            raise LauncherError(
                f"--launcher ray: the cluster failed ({type(error).__name__}: {first_line(error)}). What is finished "
                "is kept: see that Ray runs (`ray status`), or use --address local, and go on with --resume."
            ) from error

    def _run(
        self,
        work: Work[J, R],
        jobs: Sequence[J],
        heard: Callable[[J, Message], None],
        started: Callable[[J], None],
    ) -> Generator[tuple[J, R | Death], None, None]:
        if not jobs:
            return
        with signals_noted():  # Ray's calls break where a signal's handler raises in them
            attempts = Attempts(self._remote(), work, self._shelf, heard, started)
        waiting = deque(jobs)
        try:
            while waiting or attempts.running:
                while waiting and len(attempts.running) < AHEAD * max(1, self.jobs_at_once):
                    with signals_noted():
                        attempts.begin(waiting.popleft(), self._order)
                with signals_noted():
                    ended = [(attempt, self._outcome(attempt)) for attempt in attempts.look()]
                for attempt, outcome in ended:
                    if isinstance(outcome, Lost) and attempt.times <= self.retries:
                        with signals_noted():
                            attempts.begin(attempt.job, self._order, attempt.times + 1)
                    else:
                        yield attempt.job, outcome
        finally:
            attempts.stop(self._outcome)

    def _remote(self) -> Any:
        import ray

        # A process serves one task: its peak of memory is the run's own, and nothing of another run is left in it.
        # Ray's own retries would begin with what the first attempt was sent, not with the newest state.
        return ray.remote(max_calls=1)(serve).options(
            num_cpus=self.cpus_per_run, num_gpus=self.gpus_per_run, max_retries=0
        )

    def _order(self, number: int, job: Any) -> Order:
        """What a task is sent: large parts by reference, and what an interrupted run left."""
        parts = {name: self._ship(getattr(job, name)) for name in job.shared} if isinstance(job, Travelling) else {}
        bare = replace(job, **dict.fromkeys(parts)) if parts else job
        return Order(number, bare, parts, files_of(job), self.cpus_per_run, versions(), str(Path.cwd()))

    def _ship(self, part: Any) -> Any:
        """A reference to a part in the object store, put there once."""
        import ray

        if id(part) not in self._shipped:
            self._shipped[id(part)] = part, ray.put(part)
        return self._shipped[id(part)][1]

    def _outcome(self, attempt: Attempt) -> Any:
        """The result of a task that has ended; what it wrote is put where it belongs."""
        import ray

        try:
            outcome, files = ray.get(attempt.reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ray.exceptions.RaySystemError):
                return unreadable(error.cause)
            return Death.by_exception(error.cause if isinstance(error.cause, Exception) else error)
        except ray.exceptions.RayError as error:
            times = f"{attempt.times} times in a row" if attempt.times > 1 else "once"
            return Lost(f"its Ray worker died, {times} ({first_line(error)})")
        if files:
            with new_folder(attempt.job.folder) as folder:
                put_files(folder, files)
        return outcome

    def _places(self) -> list[int]:
        """How many jobs fit on each machine, of those where any fit."""
        fit = []
        for cpus, gpus in machines():
            room = int(cpus // self.cpus_per_run)
            fit.append(min(room, int(gpus // self.gpus_per_run)) if self.gpus_per_run else room)
        return [number for number in fit if number]
