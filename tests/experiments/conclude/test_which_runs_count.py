"""Leaderboard, recommendation, verdicts and sweep speak of the same runs, also where a seed learnt nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unfreeze.reports.groups import group_runs
from unfreeze.reports.leaderboard import leaderboard
from unfreeze.statistics.candidates import candidates_from_runs

LEFT_OUT = "predicts joy for every text"


def test_one_seed_of_three_that_learnt_nothing_counts_in_every_mean(folder: Any) -> None:
    for seed, wrong in enumerate((0.05, 0.1)):
        folder.add("full", wrong, seed)
    folder.add("full", seed=2, said=["joy"] * 120, degenerate=LEFT_OUT)
    for strategy in ("freeze:first=3", "head"):
        for seed in range(3):
            folder.add(strategy, 0.2, seed)
    folder.add("lora", said=["joy"] * 120, degenerate=LEFT_OUT)
    done = folder.conclude()

    expected = {"full": np.mean([0.95, 0.9, 1 / 3]), "freeze:first=3": 0.8, "head": 0.8}
    rows = {row.strategy: row for row in leaderboard(done.records)}
    assert {name: row.validation.mean for name, row in rows.items() if row.validation} == pytest.approx(expected)
    assert {name: row.seeds for name, row in rows.items()} == dict.fromkeys(expected, 3) | {"lora": 0}
    weighed = {one.strategy: one.mean for one in candidates_from_runs(done.summary["runs"], "accuracy") if one.scores}
    assert weighed == pytest.approx(expected)
    swept = {one["strategy"]: one["mean"] for one in done.summary["sweep"][0]["points"]}
    assert swept == pytest.approx(expected)
    compared = [one for one in done.summary["comparisons"] if one["split"] == "validation"]
    assert {(one["a"], one["b"]): one["difference"] for one in compared} == pytest.approx(
        {(a, b): expected[a] - expected[b] for a, b in ((one["a"], one["b"]) for one in compared)}
    )
    assert {one[side] for one in compared for side in ("a", "b")} == set(expected)
    assert group_runs(done.records)[-1].counted == []  # of lora no run learnt anything
    said = " ".join(done.summary["recommendation"]["reasons"])
    assert f"full: 1 of 3 runs learnt nothing ({LEFT_OUT}); their scores count" in said
    assert "lora: 1 of 1 runs left out (degenerate" in said
