"""A run that is stopped when its training is over does not train again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments import run as run_module
from unfreeze.experiments.conclude import Comparison
from unfreeze.training.loop import Trainer
from unfreeze.training.step import OptimizerStep

RunComparison = Callable[..., Comparison]


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stop_within(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Ctrl-C just before this function does something."""
    real = getattr(owner, name)

    def stopped(*args: Any, **kwargs: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, stopped)


@pytest.mark.parametrize(
    "strategy", ["full", "gradual", *(pytest.param(text, marks=pytest.mark.slow) for text in ("head", "lora:r=2"))]
)
@pytest.mark.parametrize(("owner", "name"), [(run_module, "_evaluated"), (Trainer, "_select")])
@pytest.mark.parametrize("changes", [{}, {"epochs": 1}])  # one evaluation alone too
def test_its_training_is_kept(
    run_comparison: RunComparison,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strategy: str,
    owner: Any,
    name: str,
    changes: dict[str, Any],
) -> None:
    values = {"strategy": [strategy], "speedups": "unpad+compact+cache", **changes}
    whole = run_comparison(tmp_path / "whole", **values)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_within(patched, owner, name)
        run_comparison(tmp_path / "out", **values)
    monkeypatch.setattr(OptimizerStep, "make", None)  # nothing is trained any more
    done = run_comparison(tmp_path / "out", **values)
    for one, other in zip(whole.records, done.records, strict=True):
        assert (one.status, one.steps, one.validation, one.test) == ("done", other.steps, other.validation, other.test)
        weights = [sorted((base / str(record.model)).glob("*.safetensors"))[0].read_bytes()
                   for base, record in ((tmp_path / "whole", one), (tmp_path / "out", other))]  # fmt: skip
        assert weights[0] == weights[1]
    assert not (done.best / "checkpoints").exists()
