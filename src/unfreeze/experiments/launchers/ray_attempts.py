"""The tasks that were ordered and have not ended: what they say, the states of their runs, and how they are stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from unfreeze.experiments.launchers.launcher import STOP_SECONDS, Death, Message
from unfreeze.experiments.launchers.ray_cluster import actor
from unfreeze.experiments.launchers.ray_mailbox import Mailbox, Sizes
from unfreeze.experiments.launchers.ray_states import fetch_state
from unfreeze.experiments.launchers.ray_worker import Order
from unfreeze.experiments.launchers.sending import unsendable
from unfreeze.experiments.travelling import states_of
from unfreeze.training.stopping import signals_noted

POLL_SECONDS = 0.2  # between two looks at what is said and what is finished
WAY_OUT = "Leave out what cannot be copied, as locks and open files, or leave --launcher out."


class Lost(Death):
    """Its machine or process died: another one may do better."""


@dataclass(frozen=True)
class Attempt:
    """A task that makes a job."""

    job: Any
    times: int  # that the job has been tried, with this one
    reference: Any  # to its result


class Attempts:
    """Those that have not ended.

    Args:
        remote: `serve` as a remote function.
    """

    def __init__(
        self,
        remote: Any,
        work: Any,
        shelf: Any,
        heard: Callable[[Any, Message], None],
        started: Callable[[Any], None],
    ) -> None:
        import ray

        self.running: dict[int, Attempt] = {}  # by number, which a later attempt at the same job has not
        self._remote, self._work, self._shelf, self._heard, self._started = remote, work, shelf, heard, started
        self._mailbox = actor(Mailbox)
        ray.get(self._mailbox.take.remote())  # so that no task waits for its process to start
        self._numbers = count()

    def begin(self, job: Any, order: Callable[[int, Any], Order], times: int = 1) -> None:
        """Let Ray make a job as soon as there is room.

        Raises:
            LauncherError: it cannot be sent.
        """
        import ray

        number = next(self._numbers)
        try:
            reference = self._remote.remote(self._work, order(number, job), self._mailbox, self._shelf)
        except OSError:
            raise
        except Exception as error:  # TypeError, or whatever a user's __reduce__ raises
            raise unsendable("The job", job, error.__cause__ or error, ray.put, WAY_OUT) from error
        self.running[number] = Attempt(job, times, reference)

    def look(self, *, tell: bool = True) -> list[Attempt]:
        """Wait a little, pass on what was said, keep the states that came; the attempts that have ended."""
        import ray

        numbers = {attempt.reference: number for number, attempt in self.running.items()}
        ready, _ = ray.wait(list(numbers), timeout=POLL_SECONDS)
        messages, states = ray.get(self._mailbox.take.remote())
        for number, message in messages if tell else ():
            if number in self.running:  # not of one that was thought lost and goes on
                self._pass_on(self.running[number], message)
        for number, sizes in states.items():
            self._keep(number, sizes)
        ended = [numbers[reference] for reference in ready]
        for number in ended:
            self._mailbox.drop.remote(number)
        return [self.running.pop(number) for number in ended]

    def _pass_on(self, attempt: Attempt, message: Message) -> None:
        if message is not None:
            self._heard(attempt.job, message)
        elif attempt.times == 1:
            self._started(attempt.job)

    def _keep(self, number: int, sizes: Sizes) -> None:
        """Write a state where its run lies. A full disk costs the state, not the run."""
        checkpoints = states_of(self.running[number].job) if number in self.running else None
        if checkpoints is not None:
            with suppress(OSError):
                fetch_state(self._mailbox, number, sizes, checkpoints.folder)
        self._mailbox.drop.remote(number)

    def stop(self, outcome: Callable[[Attempt], object]) -> None:
        """Ask all to end, and give what they left to `outcome`; after a while, or at a second Ctrl-C, kill them."""
        import ray

        try:
            for attempt in self.running.values():
                ray.cancel(attempt.reference, force=False, recursive=False)
            deadline = time.monotonic() + STOP_SECONDS
            while self.running and time.monotonic() < deadline:
                with signals_noted():
                    for ended in self.look(tell=False):
                        with suppress(OSError):  # a full disk: the state that came before stays
                            outcome(ended)
        finally:
            for attempt in self.running.values():
                ray.cancel(attempt.reference, force=True)
            ray.kill(self._mailbox)
