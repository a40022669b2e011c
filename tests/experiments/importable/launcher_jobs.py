"""Work for the tests of launchers. The folder is on sys.path, so that a job's own process can import it too."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

Say = Callable[[Any], None]


def square(job: int, say: Say) -> int:
    say(f"{job} begins")
    say(f"{job} ends")
    return job * job


def count(job: int, say: Say) -> None:
    for number in range(job):
        say(number)


def give_back(job: Any, say: Say) -> Any:
    return job


def meet(job: tuple[Path, Path], say: Say) -> bool:
    """Show that one is there, and see whether the other is there at the same time."""
    mine, other = job
    mine.touch()
    deadline = time.monotonic() + 20
    while not other.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return other.exists()


class Unsendable(Exception):
    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


def end(job: str, say: Say) -> Any:
    """End in the way that the job names."""
    say(f"about to {job}")
    if job == "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "exit":
        os._exit(3)
    if job == "raise":
        raise ValueError("no such layer")
    if job == "raise what cannot be sent":
        raise Unsendable
    if job == "give what cannot be sent":
        return threading.Lock()
    if job == "get Ctrl-C":
        os.kill(os.getpid(), signal.SIGINT)
    return "done"


def sleep(job: str, say: Say) -> None:
    """Run until ended from outside, unless the job is to return."""
    if job == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if job != "return":
        say(os.getpid())
        time.sleep(600)


def try_and_be_killed(job: Path, say: Say) -> None:
    """Leave a trace of each attempt."""
    with job.open("a") as tries:
        tries.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def train_until_asked(job: Path, say: Say) -> None:
    """As a run: between two steps it looks whether it was asked to stop, and then takes a moment to save."""
    from unfreeze.training.stopping import AskedToStop, raise_if_asked_to_stop, signals_noted

    with signals_noted():
        say("trains")
        try:
            while True:
                time.sleep(0.05)
                raise_if_asked_to_stop()
        except AskedToStop:
            time.sleep(1)
            job.write_text("saved")
            raise


def variables(job: list[str], say: Say) -> list[str | None]:
    return [os.environ.get(name) for name in job]


def hub_is_offline(job: Any, say: Say) -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def threads(job: Any, say: Say) -> int:
    import torch

    return torch.get_num_threads()


def peak_after_allocating(job: int, say: Say) -> int:
    """Bytes of VmHWM, once `job` bytes have been written to."""
    ballast = b"x" * job
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 + 0 * len(ballast)


def launch_from_here(job: Any, say: Say) -> None:
    from unfreeze.experiments.launchers import LocalProcesses

    LocalProcesses()


class Folder:
    """A job with a folder, which a launcher looks into when it sends the job; here is noted which ones it did."""

    asked: ClassVar[set[int]] = set()

    def __init__(self, number: int) -> None:
        self.number = number

    @property
    def folder(self) -> Path:
        self.asked.add(self.number)
        return Path("/nowhere")


def locked_task() -> Any:
    """A task of a user's own with something that only its process has."""
    from unfreeze.tasks import Classification

    @dataclass(frozen=True)
    class Locked(Classification):
        lock: Any = field(default_factory=threading.Lock, compare=False)

    return Locked()
