"""Freed memory goes back to the system."""

from __future__ import annotations

import pytest

from unfreeze.acceleration import heap
from unfreeze.acceleration.heap import Heap, trim_heap


def test_it_is_given_back_after_some_seconds_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    times, trimmed = iter([0.0, 1.0, 6.0, 7.0, 12.0]), []
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    monkeypatch.setattr(heap, "trim_heap", lambda: trimmed.append(True))
    one = Heap(last=next(times))
    for expected in (0, 1, 1, 2):
        one.trim_if_due()
        assert len(trimmed) == expected


def test_where_there_is_no_way_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    trim_heap()
    monkeypatch.setattr(heap, "_malloc_trim", lambda: None)
    trim_heap()
