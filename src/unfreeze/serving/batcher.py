"""Dynamic batching: requests that wait for one model are answered together, in a thread of that model's own."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from math import ceil
from typing import Any

from unfreeze.inference.answering import Asked, answer_together
from unfreeze.inference.predictor import Predictor

LONGEST_RETRY_SECONDS = 60


class QueueFullError(RuntimeError):
    """Too much waits already."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"full; try again in {retry_seconds} s")
        self.retry_seconds = retry_seconds


class StoppingError(RuntimeError):
    """The server stops and takes nothing new."""


@dataclass(frozen=True)
class _Waiting:
    asked: Asked
    since: float  # of time.monotonic
    future: Future[list[Any]]


class Batcher:
    """The queue of one model and the thread that empties it."""

    def __init__(self, model: Predictor, *, max_batch_size: int, max_wait_seconds: float, max_queue: int) -> None:
        self.max_queue = max_queue
        self._model = model
        self._max_batch_size = max_batch_size
        self._max_wait_seconds = max_wait_seconds
        self._queue: deque[_Waiting] = deque()
        self._inputs = 0  # in the queue
        self._seconds_per_input = 0.0  # of the last batch
        self._closing = False
        self._changed = threading.Condition()
        # It must not hold up a program that is told to end at once; `close` waits for it.
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many inputs wait."""
        return self._inputs

    def submit(self, asked: Asked) -> Future[list[Any]]:
        """The answers to come, one for each input; cancelled before their batch begins, they are never computed.

        Raises:
            QueueFullError: there is no room. A request larger than the whole queue is taken by an empty one.
            StoppingError: nothing new is taken.
        """
        future: Future[list[Any]] = Future()
        with self._changed:
            if self._closing:
                raise StoppingError("stopping")
            if self._queue and self._inputs + len(asked.inputs) > self.max_queue:
                seconds = ceil(self._inputs * self._seconds_per_input)
                raise QueueFullError(min(max(seconds, 1), LONGEST_RETRY_SECONDS))
            self._queue.append(_Waiting(asked, time.monotonic(), future))
            self._inputs += len(asked.inputs)
            self._changed.notify()
        return future

    def close(self) -> None:
        """Take nothing new, answer what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next_batch():
            # Whose client has left, or whose time ran out, is cancelled by now.
            wanted = [one for one in batch if one.future.set_running_or_notify_cancel()]
            if wanted:
                self._answer(wanted)

    def _next_batch(self) -> list[_Waiting]:
        """What waits, as soon as it fills a batch or has waited long enough; empty when all is done."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            if not self._queue:
                return []
            due = self._queue[0].since + self._max_wait_seconds
            while self._inputs < self._max_batch_size and not self._closing:
                left = due - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return self._take()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        inputs = 0
        # A request is never cut: one that is larger than a batch is a batch of its own.
        while self._queue and (not batch or inputs + len(self._queue[0].asked.inputs) <= self._max_batch_size):
            batch.append(self._queue.popleft())
            inputs += len(batch[-1].asked.inputs)
        self._inputs -= inputs
        return batch

    def _answer(self, batch: list[_Waiting]) -> None:
        begin = time.monotonic()
        try:
            outcomes = answer_together(self._model, [one.asked for one in batch])
        except Exception as error:  # whatever it is, those who wait must hear of it, and the thread goes on
            outcomes = [error] * len(batch)
        self._seconds_per_input = (time.monotonic() - begin) / sum(len(one.asked.inputs) for one in batch)
        for one, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                one.future.set_exception(outcome)
            else:
                one.future.set_result(outcome)
