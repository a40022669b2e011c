"""Many requests, one in twenty of them hostile: no crash, no hostile one let through, good ones answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    import serving

    return serving


def test_there_are_many_kinds_and_each_is_refused(benchmark: Any, client: Any) -> None:
    """Each kind once, against a server in this process; a body that trickles is left to the slow test."""
    import asyncio

    kinds = benchmark.hostile_requests("/v1/models/mood/classify", benchmark.MAX_BODY_BYTES)
    assert len({one.kind for one in kinds}) == len(kinds) >= 20
    for one in kinds:
        if not one.trickle:
            status = asyncio.run(benchmark.status_of(client.port, one))
            assert status // 100 == 4, (one.kind, status)
    assert client.ask("mood", "classify", "still here")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_two_thousand_requests(benchmark: Any, model_folders: dict[str, Path]) -> None:
    """A fifth of the benchmark's, at a load that leaves room for the tests beside it."""
    outcome, missed = benchmark.measure(str(model_folders["mood"]), requests=2_000, share=0.05, load=0.15)
    assert (outcome.requests, outcome.hostile) == (2_000, 100) and outcome.hostile_kinds >= 20
    # How long the good ones wait is what the benchmark says: here other tests run beside it.
    assert outcome.crashes == outcome.good_not_answered == outcome.hostile_not_refused == 0, (outcome, missed)
