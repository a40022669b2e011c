"""Which device each of several processes takes, and what is refused before they look for each other."""

from __future__ import annotations

import os

import pytest
import torch

from unfreeze.acceleration.devices import default_device
from unfreeze.acceleration.joining import RanksError, follows, join, launching_note, started_together
from unfreeze.acceleration.ranks import ALONE


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one GPU on which `torchrun --nproc-per-node 2` started this process as the second."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name in [name for name in os.environ if name.startswith("ACCELERATE_")]:
        monkeypatch.delenv(name)
    started = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    for name, value in started.items():
        monkeypatch.setenv(name, value)


def test_every_process_needs_a_gpu_of_its_own() -> None:
    assert started_together() == 2 and follows()
    with pytest.raises(RanksError, match=r"^2 processes were started here, and there is 1 GPU: .*ACCELERATE_USE_CPU"):
        join()


def test_one_gpu_for_all_is_refused() -> None:
    with pytest.raises(RanksError, match=r"^device cuda:0: of several processes each takes the GPU of its number"):
        join("cuda:0")


@pytest.mark.parametrize("said", ["true", "True", "1", "yes"])
def test_who_asks_for_the_cpu_gets_it(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    assert default_device() == "cuda"
    monkeypatch.setenv("ACCELERATE_USE_CPU", said)
    assert default_device() == "cpu"


def test_a_process_by_itself_joins_nobody_and_is_told_if_more_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    assert launching_note() is None
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name)
    assert join() is ALONE
    assert "torchrun" in (launching_note() or "")
    monkeypatch.delenv("MASTER_ADDR")
    assert launching_note() is None
