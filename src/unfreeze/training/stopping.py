"""SIGINT and SIGTERM while a run trains: it stops where its state can be saved, then the signal has its usual effect.

The first signal is noted, and `raise_if_asked_to_stop` raises between two batches; the second ends the process at once.
In a process that another one of ours or `torchrun` started it does not: signals to a whole group arrive there and are
passed on as well, and whoever started it ends it when it has to be.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from unfreeze.acceleration.joining import started_together
from unfreeze.acceleration.ranks import ALONE, Ranks

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class AskedToStop(BaseException):
    """A signal came. Not an error: nothing that handles errors may take it for one."""


class _Noted:
    """The signal of this process that has not had its effect yet."""

    signal: int | None = None


def raise_if_asked_to_stop(ranks: Ranks = ALONE) -> None:
    """Call where a run can stop; of several processes all stop if one was asked to, as if each had been.

    Raises:
        AskedToStop: a signal came.
    """
    came = int(ranks.largest(_Noted.signal or 0))
    if came:
        if threading.current_thread() is threading.main_thread():
            _Noted.signal = came
        raise AskedToStop(f"signal {came}")


@contextmanager
def signals_noted() -> Iterator[None]:
    """Inside, signals are noted. Afterwards one that came is sent again, to whoever handled it before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread handle signals
        return
    before = {one: signal.getsignal(one) for one in SIGNALS}
    handled = {one: handler for one, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for one in handled:
        signal.signal(one, _note)
    try:
        yield
    finally:
        for one, handler in handled.items():
            signal.signal(one, handler)
        came, _Noted.signal = _Noted.signal, None
        if came is not None:
            signal.raise_signal(came)


def _note(number: int, frame: FrameType | None) -> None:
    if _Noted.signal is not None:
        if multiprocessing.parent_process() is not None or started_together() > 1:
            return
        os._exit(128 + number)
    _Noted.signal = number
