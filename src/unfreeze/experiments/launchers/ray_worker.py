"""The other machine's end of Ray: what a task does from its order to its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unfreeze.experiments.launchers.launcher import Death, Message, Work
from unfreeze.experiments.launchers.ray_shelf import ShelvedFiles
from unfreeze.experiments.travelling import Travelling, files_of, put_files
from unfreeze.storage.environment import describe_environment
from unfreeze.storage.feature_files import cache_folder

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


def serve(work: Work[Any, Any], order: Order, mailbox: Any, shelf: Any) -> tuple[Any, dict[str, bytes]]:
    """In a task: make the job; its outcome, and the files that it left."""
    import ray
    import torch

    mailbox.put.remote(order.number, None)
    if (here := versions()) != order.versions:
        other = [f"{name} {said} and {here[name]}" for name, said in order.versions.items() if here[name] != said]
        return Death(f"a machine of the Ray cluster has other versions: {', '.join(other)}. Install the same."), {}
    torch.set_num_threads(order.threads)
    say = _Throttled(lambda message: mailbox.put.remote(order.number, message))
    parts = {name: ray.get(reference) for name, reference in order.shared.items()}
    job = replace(order.job, **parts) if parts else order.job
    with TemporaryDirectory(prefix="unfreeze-ray-") as root:
        if isinstance(job, Travelling):
            job = job.arrived(Path(root), ShelvedFiles(cache_folder(), shelf=shelf))
        if order.files:
            put_files(job.folder, order.files)
        try:
            outcome = work(job, say)
        except Exception as error:  # whatever it was: the other jobs go on
            outcome = Death.by_exception(error)
        return outcome, files_of(job)


class _Throttled:
    """Passes on messages, not more often than somebody can read; what is measured always."""

    def __init__(self, say: Callable[[Message], object]) -> None:
        self._say = say
        self._last = 0.0

    def __call__(self, message: Message) -> None:
        now = time.monotonic()
        if getattr(message, "metrics", None) is not None or now - self._last >= SAYS_EVERY:
            self._last = now
            self._say(message)


@cache
def versions() -> dict[str, str | None]:
    """Of the packages that decide a result."""
    packages: dict[str, str | None] = describe_environment()["packages"]
    return packages
