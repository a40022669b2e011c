"""Endurance: what a run survives, counted. `python -m soak` prints a line for each trial (docs/reliability.md)."""

from __future__ import annotations

from soak.trial import Trial


def trials() -> list[Trial]:
    """All of them, by number."""
    from soak import (
        commits,
        data_faults,
        environments,
        existing,
        fuzz,
        interchange,
        kills,
        loading,
        outputs,
        overhead,
        states,
        truncation,
    )

    of_all = (
        *(commits, data_faults, environments, existing, fuzz, interchange, kills, loading, outputs, overhead, states),
        truncation,
    )
    return sorted((one for module in of_all for one in module.TRIALS), key=lambda one: one.number)
