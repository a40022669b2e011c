"""Every trial of endurance with few attempts; `make soak` makes them all (docs/reliability.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak import trials
from soak.trial import Ground, Trial

# They start the program again and again, for minutes.
SLOW = (7, 12, 15, 16, 17, 20, 26, 27, 28)


@pytest.mark.parametrize(
    "trial",
    [pytest.param(one, marks=pytest.mark.slow if one.number in SLOW else ()) for one in trials()],
    ids=lambda one: f"{one.number} {one.name}",
)
def test_the_promise_is_kept(trial: Trial, tmp_path: Path) -> None:
    figure = trial.run(Ground(tmp_path, short=True, seed=0))
    assert figure.kept, f"{figure.good} of {figure.attempts}: {figure.detail}"
