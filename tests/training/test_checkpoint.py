"""The states of a run: when they are saved, which are kept, what is found again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.storage.committed import committed_folder
from unfreeze.training import checkpoint
from unfreeze.training.checkpoint import KEPT, SHORTEST, Checkpoints
from unfreeze.training.run_state import RunState


def saving(bench: Any, folder: Path) -> tuple[Checkpoints, torch.optim.Optimizer]:
    optimizer = torch.optim.AdamW(bench.network.parameters(), fused=True)
    for parameter in bench.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return Checkpoints(folder, 1), optimizer


def test_the_newest_states_and_their_best_weights_are_kept(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench()
    checkpoints, optimizer = saving(bench, tmp_path)
    for step in range(1, 6):
        if step in (1, 3):
            checkpoints.save_best(step, bench.network, bench.trainables)
        state = RunState(step=step, best_step=1 if step < 3 else 3)
        checkpoints.save(state, bench.network, bench.trainables, optimizer)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best-000000003", *(f"step-{step:09d}" for step in range(6 - KEPT, 6))]
    saved, told = checkpoints.newest()
    assert saved is not None and saved.state.step == 5 and told == []
    (saved.path / "state.json").write_text("{}")
    saved, told = checkpoints.newest()
    assert saved is not None and saved.state.step == 4
    assert told == ["the state of step 5 was not used: state.json has changed"]


def test_best_weights_of_a_run_without_a_state_serve_it_and_nobody_else(
    workbench: Callable[..., Any], tmp_path: Path
) -> None:
    bench = workbench()
    checkpoints, _ = saving(bench, tmp_path)
    before = bench.state()
    checkpoints.save_best(2, bench.network, bench.trainables)
    with torch.no_grad():
        for parameter in bench.network.parameters():
            parameter.zero_()
    checkpoints.load_best(2, bench.network)
    assert all(torch.equal(one, before[name]) for name, one in bench.network.named_parameters())
    assert Checkpoints(tmp_path).newest() == (None, [])
    with pytest.raises(OSError, match="best weights are damaged"):
        checkpoints.load_best(2, bench.network)


def test_a_state_of_another_version_is_not_used(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench()
    checkpoints, optimizer = saving(bench, tmp_path)

    class Newer(RunState):
        def as_json(self) -> dict[str, Any]:
            return {**super().as_json(), "moon": 1}

    checkpoints.save(Newer(step=1), bench.network, bench.trainables, optimizer)
    saved, [told] = checkpoints.newest()
    assert saved is None and "another version" in told and "moon" in told


@pytest.mark.parametrize(
    "content", [b"[]", b"1", b"{}", b"[" * 100_000, b"\xff", b'{"step": "x"}', None], ids=repr
)  # fmt: skip
def test_what_no_run_wrote_is_not_used_and_not_in_the_way(
    workbench: Callable[..., Any], tmp_path: Path, content: bytes | None
) -> None:
    """A state whose manifest fits, and one that was damaged while the run went on: the next one is saved, and found."""
    bench = workbench()
    checkpoints, optimizer = saving(bench, tmp_path)
    folder = tmp_path / "step-000000001"
    with committed_folder(folder) as temporary:
        state = json.dumps(RunState(step=1).as_json() | {"history": {}}).encode() if content is None else content
        (temporary / "state.json").write_bytes(state)
    saved, [told] = checkpoints.newest()
    assert saved is None and told.startswith("the state of step 1 was not used: ")
    checkpoints.save(RunState(step=7), bench.network, bench.trainables, optimizer)
    found, _ = checkpoints.newest()
    assert found is not None and found.state.step == 7


def test_states_that_cannot_be_used_do_not_stand_in_for_newer_ones(
    workbench: Callable[..., Any], tmp_path: Path
) -> None:
    bench = workbench()
    checkpoints, optimizer = saving(bench, tmp_path)
    for step in (20, 30):
        checkpoints.save(RunState(step=step), bench.network, bench.trainables, optimizer)
        (tmp_path / f"step-{step:09d}" / "state.json").write_text("{}")
    saved, told = checkpoints.newest()
    assert saved is None and len(told) == 2
    for step in (5, 6, 7):
        assert checkpoints.due(step, 1)
        checkpoints.save(RunState(step=step), bench.network, bench.trainables, optimizer)
    saved, told = checkpoints.newest()
    assert saved is not None and saved.state.step == 7 and told == []
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-000000006", "step-000000007"]


def test_best_weights_outlive_a_commit_that_fails(
    workbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = workbench()
    checkpoints, optimizer = saving(bench, tmp_path)
    best = bench.state()
    checkpoints.save_best(2, bench.network, bench.trainables)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("unfreeze.storage.committed.write_json", full)
        with pytest.raises(OSError, match="No space"):
            checkpoints.save(RunState(step=2, best_step=2), bench.network, bench.trainables, optimizer)
    with torch.no_grad():
        for parameter in bench.network.parameters():
            parameter.zero_()
    checkpoints.load_best(2, bench.network)
    assert all(torch.equal(one, best[name]) for name, one in bench.network.named_parameters())
    checkpoints.save(RunState(step=3, best_step=2), bench.network, bench.trainables, optimizer)
    found, _ = checkpoints.newest()
    assert found is not None and found.state.step == 3 and not list(tmp_path.glob("newest-best-*"))


@pytest.mark.parametrize("cost", [0.01, 1.0, 20.0, 300.0])
def test_saving_takes_a_small_share_of_the_time(
    workbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cost: float
) -> None:
    """Of ten hours, whatever one state costs; with a first guess that is wrong by half."""
    bench = workbench()
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    checkpoints = Checkpoints(tmp_path)
    optimizer = torch.optim.AdamW(bench.network.parameters(), fused=True)

    def slow(*_: Any) -> None:
        nonlocal now, spent
        now, spent = now + cost / 2, spent + cost / 2

    spent, step = 0.0, 0
    monkeypatch.setattr(checkpoint, "_write_tensors", slow)
    while now < 36_000:
        now, step = now + 0.5, step + 1
        if checkpoints.due(step, int(0.5 * cost * checkpoint.BYTES_A_SECOND)):
            checkpoints.save(RunState(step=step), bench.network, bench.trainables, optimizer)
    assert 0 < spent <= 0.035 * now
    assert step > 0 and spent / cost <= now / SHORTEST + 1
