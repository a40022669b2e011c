"""What tasks of Ray say, and the states of their runs, on their way to the program that drives the comparison."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

from unfreeze.experiments.launchers.launcher import Message

Sizes = Sequence[tuple[str, int]]  # name and bytes of each file of a state, in the order in which their bytes come


@dataclass
class _State:
    """One state: its files one after another in a file without a name, of which nothing is left when we are killed."""

    sizes: Sizes
    content: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    length: int = 0

    @property
    def whole(self) -> bool:
        return self.length == sum(size for _, size in self.sizes)


class Mailbox:
    """Holds it until it is taken: of each task one state, on this machine's disk. An actor, beside the driver."""

    def __init__(self) -> None:
        self._messages: list[tuple[int, Message]] = []
        self._states: dict[int, _State] = {}

    def put(self, number: int, message: Message) -> None:
        """Add a message of a task; None says that it has begun."""
        self._messages.append((number, message))

    def begin(self, number: int, sizes: Sizes) -> bool:
        """A task wants to send a state, in place of one that it did not finish. False: the last one still lies here."""
        if number in self._states and self._states[number].whole:
            return False
        self.drop(number)
        self._states[number] = _State(sizes)
        return True

    def add(self, number: int, block: bytes) -> None:
        """The next bytes of the state.

        Raises:
            OSError: the disk is full.
        """
        state = self._states[number]
        state.content.write(block)
        state.length += len(block)

    def take(self) -> tuple[list[tuple[int, Message]], dict[int, Sizes]]:
        """All messages in their order; and the states that are whole, which stay until they are dropped."""
        taken, self._messages = self._messages, []
        return taken, {number: state.sizes for number, state in self._states.items() if state.whole}

    def read(self, number: int, start: int, length: int) -> bytes:
        """Some bytes of a state."""
        content = self._states[number].content
        content.seek(start)
        return content.read(length)

    def drop(self, number: int) -> None:
        """Forget the state of a task, if there is one."""
        if (state := self._states.pop(number, None)) is not None:
            state.content.close()
