"""The other machine's end of Ray: what a task does from its order to its result."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import Any

from unfreeze.experiments.launchers.launcher import Death, Message, Work
from unfreeze.experiments.launchers.ray_cluster import unreadable
from unfreeze.experiments.launchers.ray_shelf import ShelvedFiles
from unfreeze.experiments.launchers.ray_states import StateSender
from unfreeze.experiments.travelling import Travelling, files_of, put_files, states_of
from unfreeze.storage.environment import describe_environment
from unfreeze.storage.feature_files import cache_folder
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.stopping import AskedToStop

DECIDE = ("unfreeze", "torch", "transformers", "tokenizers", "peft", "numpy")
SAYS_EVERY = 0.5  # seconds between two messages of a task, at least


@dataclass(frozen=True)
class Order:
    """What a task is sent: its job without what is shared, and where the rest is found."""

    number: int
    job: Any
    shared: Mapping[str, Any]  # field -> reference into the object store
    files: Mapping[str, bytes]  # that an earlier attempt left, to go on from
    threads: int
    versions: Mapping[str, str | None]
    working_folder: str  # where the driver is: what a relative path begins at


def serve(work: Work[Any, Any], order: Order, mailbox: Any, shelf: Any) -> tuple[Any, dict[str, bytes]]:
    """In a task: make the job; its outcome, and the files that it left."""
    import ray
    import torch

    begun = mailbox.put.remote(order.number, None)
    if (here := versions()) != order.versions:
        other = [f"{name} {said} and {here[name]}" for name, said in order.versions.items() if here[name] != said]
        return Death(f"the machine {gethostname()} has other versions: {', '.join(other)}. Install the same."), {}
    torch.set_num_threads(order.threads)
    if Path(order.working_folder).is_dir():
        os.chdir(order.working_folder)  # of this process, which makes this job only
    with TemporaryDirectory(prefix="unfreeze-ray-") as root:
        try:
            job = _arrived(order, Path(root), shelf)
        except ray.exceptions.RaySystemError as error:
            return unreadable(error), {}
        except Exception as error:  # a model that this machine has not, or a full disk
            return Death.by_exception(error, f"on the machine {gethostname()}: "), {}
        say = _Says(order.number, mailbox, states_of(job), begun)
        try:
            outcome = work(job, say)
        except (AskedToStop, KeyboardInterrupt):  # the driver cancels the task; what it saved goes back
            outcome = Death("it was asked to stop")
        except Exception as error:  # whatever it was: the other jobs go on
            outcome = Death.by_exception(error)
        ray.wait([say.last])  # so that nothing is said after the result
        return outcome, files_of(job)


def _arrived(order: Order, root: Path, shelf: Any) -> Any:
    """The job, whole and below `root`."""
    import ray

    parts = {name: ray.get(reference) for name, reference in order.shared.items()}
    job = replace(order.job, **parts) if parts else order.job
    if isinstance(job, Travelling):
        job = job.arrived(root, ShelvedFiles(cache_folder(), shelf=shelf))
    if order.files:
        put_files(job.folder, order.files)
    return job


class _Says:
    """Passes on messages, not more often than somebody can read; what is measured always. Sends states on the way."""

    def __init__(self, number: int, mailbox: Any, states: Checkpoints | None, last: Any) -> None:
        self._number = number
        self._mailbox = mailbox
        self._sender = None if states is None else StateSender(number, states, mailbox)
        self._said = self._looked = 0.0
        self.last = last  # what the mailbox has not necessarily yet

    def __call__(self, message: Message) -> None:
        now = time.monotonic()
        if now - self._said >= SAYS_EVERY or getattr(message, "metrics", None) is not None:
            self._said = now
            self.last = self._mailbox.put.remote(self._number, message)
        if self._sender is not None and now - self._looked >= SAYS_EVERY:  # however often something is measured
            self._looked = now
            self._sender.send_if_due()


@cache
def versions() -> dict[str, str | None]:
    """Of the packages that decide a run's result."""
    packages: dict[str, str | None] = describe_environment()["packages"]
    return {name: packages[name] for name in DECIDE}
