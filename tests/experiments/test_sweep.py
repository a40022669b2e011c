"""A sweep over the number of frozen layers with the probe of every layer; the curve over sizes of the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.reports.document import write_report

RunComparison = Callable[..., Comparison]


def test_a_sweep_brings_its_probe(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", strategy=["freeze:first=0..2", "head", "full"], seeds=2)
    [sweep] = done.summary["sweep"]
    assert [(point["strategy"], point["layers_trained"]) for point in sweep["points"]] == [
        ("head", 0),
        ("freeze:first=2", 0),
        ("freeze:first=1", 1),
        ("full", 2),
        ("freeze:first=0", 2),
    ]
    [probe] = done.summary["probe"]
    assert [layer["depth"] for layer in probe["layers"]] == [0, 1, 2]
    assert probe["metric"] == "macro_f1" and all(0 <= layer["score"] <= 1 for layer in probe["layers"])
    assert write_report(done.output).is_file()


def test_no_sweep_no_probe_unless_asked_for(run_comparison: RunComparison, tmp_path: Path) -> None:
    assert not run_comparison(tmp_path / "none", strategy=["full", "freeze:first=1"]).summary.get("probe")
    [probe] = run_comparison(tmp_path / "asked", probe=True).summary["probe"]
    assert len(probe["layers"]) == 3
    assert not run_comparison(tmp_path / "refused", strategy="freeze:first=0..2", probe=False).summary.get("probe")


@pytest.mark.slow
def test_the_curve_over_sizes(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", strategy=["full", "head"], seeds=2, data_curve=True)
    sizes = {(r.strategy, r.seed, r.train_share): r.train_examples for r in done.records}
    assert len(sizes) == 12
    assert {share: size for (_, _, share), size in sizes.items()} == {None: 36, 0.25: 9, 0.5: 18}
    curves: dict[str, Any] = {curve["strategy"]: curve for curve in done.summary["data_sizes"]}
    for strategy in ("full", "head"):
        assert [point["train_examples"] for point in curves[strategy]["points"]] == [9, 18, 36]
        assert all(point["seeds"] == 2 for point in curves[strategy]["points"])
    # Only runs on all of the data are compared, and the best run is one of them.
    assert {pair["split"] for pair in done.summary["comparisons"]} == {"validation", "test"}
    assert len(done.summary["comparisons"]) == 2
    best = next(r for r in done.records if r.model and (done.output / r.model).parent == done.best)
    assert best.train_share is None
    assert write_report(done.output).is_file()
