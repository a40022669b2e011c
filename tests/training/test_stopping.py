"""Signals are noted while a run trains, and have their effect afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from unfreeze.training.stopping import AskedToStop, raise_if_asked_to_stop, signals_noted


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """A test program that was started in the background ignores SIGINT, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_nothing_happens_without_a_signal() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals_noted():
        raise_if_asked_to_stop()
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_waits_for_its_moment() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), signals_noted():
        signal.raise_signal(signal.SIGINT)
        reached = True
        with pytest.raises(AskedToStop, match="signal 2"):
            raise_if_asked_to_stop()
    assert reached
    raise_if_asked_to_stop()  # it has had its effect


def test_one_that_comes_too_late_has_its_effect_as_well() -> None:
    with pytest.raises(KeyboardInterrupt), signals_noted():
        signal.raise_signal(signal.SIGINT)


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_noted():
            signal.raise_signal(signal.SIGINT)
            raise_if_asked_to_stop()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_signals_alone() -> None:
    before, found = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with signals_noted():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [before]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_at_once(number: signal.Signals) -> None:
    program = (
        "import signal, time\nfrom unfreeze.training.stopping import signals_noted\n"
        "with signals_noted():\n"
        f"    signal.raise_signal({int(number)})\n    print('noted', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "noted\n"
    os.kill(process.pid, number)
    process.communicate(timeout=5)
    assert process.returncode == 128 + number
