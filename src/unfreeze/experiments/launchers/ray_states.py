"""The newest state of a run, sent while it goes on: who stops the comparison, or loses a machine, goes on from it.

It travels in blocks, by way of the mailbox: the memory of a run is measured, and a copy of its state would count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfreeze.experiments.launchers.ray_mailbox import Sizes
from unfreeze.experiments.travelling import refuse_way_out
from unfreeze.storage import disk
from unfreeze.storage.atomic import new_folder
from unfreeze.storage.committed import damage
from unfreeze.training.checkpoint import SHARE, Checkpoints

BLOCK = 2**24  # bytes that travel at once


@dataclass
class StateSender:
    """A task's end. A state that cannot be sent costs nothing but itself."""

    number: int
    checkpoints: Checkpoints
    mailbox: Any
    _sent: Path | None = None
    _next: float = field(default_factory=time.monotonic)

    def send_if_due(self) -> None:
        """Send the newest state if it was not, the one before has been taken, and sending takes a small share of the
        time."""
        import ray

        if time.monotonic() < self._next:
            return
        files = self.checkpoints.files_of_newest()
        if not files or files[0].parent == self._sent:
            return
        sizes = [(str(file.relative_to(self.checkpoints.folder)), file.stat().st_size) for file in files]
        with suppress(OSError, ray.exceptions.RayError):  # a disk is full, or the driver has gone
            if ray.get(self.mailbox.begin.remote(self.number, sizes)):
                begin = time.monotonic()
                for file in files:
                    for block in _blocks(file):
                        ray.get(self.mailbox.add.remote(self.number, block))
                self._sent = files[0].parent
                self._next = time.monotonic() + (time.monotonic() - begin) / SHARE


def fetch_state(mailbox: Any, number: int, sizes: Sizes, checkpoints: Path) -> None:
    """The driver's end: put a state in the place of those of a run, if it is whole.

    Raises:
        OSError: the disk is full, or what arrived is damaged; nothing has changed then.
    """
    import ray

    with new_folder(checkpoints) as folder:
        at = 0
        for name, size in sizes:
            refuse_way_out(name)
            (file := folder / name).parent.mkdir(parents=True, exist_ok=True)
            disk.write(file, b"")
            for start in range(at, at + size, BLOCK):
                disk.append(file, ray.get(mailbox.read.remote(number, start, min(BLOCK, at + size - start))))
            at += size
        for one in folder.iterdir():
            if (wrong := damage(one)) is not None:
                raise OSError(f"{one.name}: {wrong}")


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield block
