"""Which library computes products in fp32. torch has one switch for the whole process, whatever its threads want."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def onednn_products(active: bool) -> Iterator[None]:
    """Inside, oneDNN computes fp32 products (MKL picks a slow path on AMD CPUs), or what torch takes by default.

    Threads that want the same run side by side. One that wants the other waits until those before it have come out;
    within such a block of its own it gives its place up first, so that none waits for itself, nor two for each other.
    """
    torchs_default()
    outer = _held()
    if outer == active:
        yield
        return
    try:
        _hold(active)
        yield
    finally:
        _hold(outer)


@cache
def torchs_default() -> str:
    """What the switch says before anybody sets it: asked for the first time outside of any such block."""
    return str(_torchs_switch().fp32_precision)


class _Switch:
    """How many threads hold torch's switch as it is, and who waits to turn it, in the order in which they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._holders = 0
        self._active = False
        self._before = ""

    def enter(self, active: bool) -> None:
        mine = object()
        with self._changed:
            # Also behind those who want the other: else it might never be their turn.
            self._waiting.append(mine)
            try:
                self._changed.wait_for(
                    lambda: self._waiting[0] is mine and (self._holders == 0 or self._active == active)
                )
                if self._holders == 0:
                    self._before = _torchs_switch().fp32_precision
                    _torchs_switch().fp32_precision = "bf16" if active else torchs_default()
                    self._active = active
                self._holders += 1
            finally:
                self._waiting.remove(mine)
                self._changed.notify_all()

    def leave(self) -> None:
        with self._changed:
            self._holders -= 1
            if self._holders == 0:
                _torchs_switch().fp32_precision = self._before
            self._changed.notify_all()


_SWITCH = _Switch()
_THREAD = threading.local()  # `held`: what this thread holds the switch at


def _held() -> bool | None:
    found: bool | None = getattr(_THREAD, "held", None)
    return found


def _hold(wanted: bool | None) -> None:
    """Give up what this thread holds, and wait for what it wants; None: nothing."""
    if _held() is not None:
        _THREAD.held = None
        _SWITCH.leave()
    if wanted is not None:
        _SWITCH.enter(wanted)
        _THREAD.held = wanted


def _torchs_switch() -> Any:
    import torch

    return torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
