"""torch has one switch for the products of all threads: each finds it as it wants it, and nobody waits for ever."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from unfreeze.acceleration import fp32_products
from unfreeze.acceleration.fp32_products import onednn_products, torchs_default


def switch() -> str:
    return str(torch.backends.mkldnn.matmul.fp32_precision)  # type: ignore[attr-defined]


def wanted(active: bool) -> str:
    return "bf16" if active else torchs_default()


@pytest.fixture(autouse=True)
def is_left_as_it_was() -> object:
    before = switch()
    yield
    assert switch() == before


@pytest.fixture
def other() -> object:
    """`other(function)`: begin it in another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


def test_who_comes_out_first_leaves_it_to_the_others(other: Callable) -> None:
    is_in, may_go = threading.Event(), threading.Event()

    def first() -> None:
        with onednn_products(True):
            is_in.set()
            assert may_go.wait(60)

    begun = other(first)
    assert is_in.wait(60)
    with onednn_products(True):
        may_go.set()
        begun.result(60)
        assert switch() == wanted(True)


def until_somebody_waits() -> None:
    while not fp32_products._SWITCH._waiting:
        threading.Event().wait(0.001)


def test_who_wants_the_other_waits_and_is_not_overtaken(other: Callable) -> None:
    order = []

    def second() -> None:
        with onednn_products(False):
            order.append(("second", switch()))

    def third() -> None:
        with onednn_products(True):
            order.append(("third", switch()))

    with ThreadPoolExecutor(1) as more:
        with onednn_products(True):
            begun = other(second)
            until_somebody_waits()
            also = more.submit(third)
            while len(fp32_products._SWITCH._waiting) < 2:
                threading.Event().wait(0.001)
            with onednn_products(True):  # who is inside need not queue again
                order.append(("first", switch()))
        begun.result(60)
        also.result(60)
    assert order == [("first", wanted(True)), ("second", wanted(False)), ("third", wanted(True))]


def test_two_that_want_the_other_within_a_block_do_not_wait_for_each_other(other: Callable) -> None:
    both = threading.Barrier(2)

    def turn_within() -> list[str]:
        with onednn_products(True):
            both.wait(60)
            with onednn_products(False):
                inner = switch()
            return [inner, switch()]

    begun = other(turn_within)
    assert turn_within() == begun.result(60) == [wanted(False), wanted(True)]


def test_each_of_many_threads_computes_as_if_alone() -> None:
    left, right = torch.randn(64, 256), torch.randn(256, 64)
    alone = {}
    for active in (True, False):
        with onednn_products(active):
            alone[active] = left @ right

    def compute(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(100):
            active = rng.random() < 0.5
            with onednn_products(active):
                assert switch() == wanted(active)
                with onednn_products(rng.random() < 0.5):
                    pass
                assert switch() == wanted(active)
                assert torch.equal(left @ right, alone[active])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(compute, seed) for seed in range(4)]:
            done.result(120)


def test_one_that_is_interrupted_while_it_waits_is_forgotten(other: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(ready: Callable[[], bool]) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(fp32_products._SWITCH._changed, "wait_for", interrupted)
    with pytest.raises(KeyboardInterrupt), onednn_products(True):
        pytest.fail("came in")
    monkeypatch.undo()

    def enter() -> str:
        with onednn_products(False):
            return switch()

    assert other(enter).result(60) == wanted(False)
