"""Every job as a task of a Ray cluster, on whichever of its machines has room; lost ones are tried again.

What several jobs have in common goes through Ray's object store, once to each machine. A task writes into a folder of
its own, and what it wrote comes back with its result: the machines need no disk in common, this program is the only
one that writes where the comparison lies, and a task that was thought lost and goes on does no harm.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from unfreeze.experiments.launchers.launcher import Death, J, LauncherError, Message, R, Work, tell_nobody
from unfreeze.experiments.launchers.ray_shelf import Shelf
from unfreeze.experiments.launchers.ray_worker import Order, serve, versions
from unfreeze.experiments.travelling import Travelling, files_of, put_files
from unfreeze.storage.atomic import new_folder

POLL_SECONDS = 0.2  # between two looks at what is said and what is finished
INSTALL = "pip install 'unfreeze[ray]'"


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
            largest = max(_machines(), default=(0.0, 0.0))
            raise LauncherError(
                f"{needed}: no machine of the Ray cluster has so much; the largest has {largest[0]:g} CPUs and "
                f"{largest[1]:g} GPUs. Ask for less, or add a machine."
            )
        self._shelf = _actor(Shelf)

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
        """See `Launcher.run`. When the generator is closed or interrupted, the tasks are cancelled."""
        import ray

        if not jobs:
            return
        mailbox = _actor(Mailbox)
        # A process serves one task: its peak of memory is the run's own, and nothing of another run is left in it.
        task = ray.remote(max_calls=1)(serve).options(
            num_cpus=self.cpus_per_run, num_gpus=self.gpus_per_run, max_retries=self.retries
        )
        running: dict[Any, J] = {}
        told: set[int] = set()

        def listen() -> None:
            for number, message in ray.get(mailbox.take.remote()):
                if number not in told:
                    told.add(number)
                    started(jobs[number])
                if message is not None:
                    heard(jobs[number], message)

        try:
            for number, job in enumerate(jobs):
                running[task.remote(work, self._order(number, job), mailbox, self._shelf)] = job
            while running:
                ready, _ = ray.wait(list(running), timeout=POLL_SECONDS)
                listen()
                for reference in ready:
                    job = running.pop(reference)
                    yield job, self._outcome(reference, job)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)
            ray.kill(mailbox)

    def _order(self, number: int, job: Any) -> Order:
        """What a task is sent: large parts by reference, and what an interrupted run left."""
        parts = {name: self._ship(getattr(job, name)) for name in job.shared} if isinstance(job, Travelling) else {}
        bare = replace(job, **dict.fromkeys(parts)) if parts else job
        return Order(number, bare, parts, files_of(job), self.cpus_per_run, versions())

    def _ship(self, part: Any) -> Any:
        """A reference to a part in the object store, put there once."""
        import ray

        if id(part) not in self._shipped:
            self._shipped[id(part)] = part, ray.put(part)
        return self._shipped[id(part)][1]

    def _outcome(self, reference: Any, job: Any) -> Any:
        """The result of a task; what it wrote is put where it belongs."""
        import ray

        try:
            outcome, files = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            return Death.by_exception(error.cause if isinstance(error.cause, Exception) else error)
        except ray.exceptions.RayError as error:
            times = f"{1 + self.retries} times in a row" if self.retries else "once"
            return Death(f"its Ray worker died, {times} ({_first_line(error)})")
        if files:
            with new_folder(job.folder) as folder:
                put_files(folder, files)
        return outcome

    def _places(self) -> list[int]:
        """How many jobs fit on each machine, of those where any fit."""
        fit = []
        for cpus, gpus in _machines():
            room = int(cpus // self.cpus_per_run)
            fit.append(min(room, int(gpus // self.gpus_per_run)) if self.gpus_per_run else room)
        return [number for number in fit if number]


class Mailbox:
    """What tasks say, until somebody takes it. An actor: it lives in a process of its own."""

    def __init__(self) -> None:
        self._messages: list[tuple[int, Message]] = []

    def put(self, number: int, message: Message) -> None:
        """Add a message of a task; None says that it has begun."""
        self._messages.append((number, message))

    def take(self) -> list[tuple[int, Message]]:
        """All there is, in its order."""
        taken, self._messages = self._messages, []
        return taken


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
    try:
        with _own_signals():
            ray.init(address=address, include_dashboard=False if address == "local" else None, log_to_driver=False,
                     logging_level="ERROR", configure_logging=False)  # fmt: skip
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise LauncherError(
            f"--address {address}: no Ray cluster was reached ({_first_line(error)}). Start one with "
            "`ray start --head`, give the address that it prints, or --address local for this machine alone."
        ) from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Afterwards SIGTERM is handled as before: Ray would end the program with an exit code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _actor(kind: type[Any]) -> Any:
    """On this machine, which lives as long as the comparison."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0)(kind).options(scheduling_strategy=here).remote()


def _first_line(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def _machines() -> list[tuple[float, float]]:
    """CPUs and GPUs of each machine that lives."""
    import ray

    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(resources.get("CPU", 0.0), resources.get("GPU", 0.0)) for resources in found]
