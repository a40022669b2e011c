"""The curves of a comparison: over trained layers, over sizes of the data, and against costs."""

from __future__ import annotations

from typing import Any

import pytest

from unfreeze.settings.model import DEFAULT_STRATEGIES


def drawn(sweep: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["strategy"], one["layers_trained"]) for one in sweep["points"]]


def test_the_fewest_layers_that_keep_up(folder: Any) -> None:
    for strategy, wrong in {
        "full": 0.05,
        "head": 0.6,
        "freeze:first=6": 0.55,
        "freeze:first=4": 0.05,
        "freeze:first=2": 0.05,
        "freeze:first=0": 0.05,
        "freeze:last=2": 0.05,
        "freeze:first=1,embeddings=train": 0.05,
        "freeze:first=3+bitfit": 0.05,
        "lora": 0.05,
    }.items():
        for seed in range(3):
            folder.add(strategy, wrong, seed)
    folder.add("freeze:first=5", status="diverged", error="loss is nan", validation={}, model=None)
    [sweep] = folder.conclude().summary["sweep"]
    assert (sweep["model_name"], sweep["metric"], sweep["full"]) == ("bert", "accuracy", "full")
    assert drawn(sweep) == [
        ("head", 0),
        ("freeze:first=6", 0),
        ("freeze:first=4", 2),
        ("freeze:first=2", 4),
        ("full", 6),
        ("freeze:first=0", 6),
    ]
    assert all(one["total_layers"] == 6 and one["seeds"] == 3 for one in sweep["points"])
    full = sweep["points"][-2]
    assert full["low"] <= full["mean"] <= full["high"] and full["mean"] == pytest.approx(0.95)
    assert (sweep["answer"]["strategy"], sweep["answer"]["layers_trained"]) == ("freeze:first=4", 2)
    assert "2 of 6 trained layers (freeze:first=4)" in sweep["answer"]["sentence"]


def test_freeze_first_0_stands_for_full(folder: Any) -> None:
    for strategy, wrong in (("freeze:first=0", 0.05), ("freeze:first=3", 0.05), ("freeze:first=6", 0.5)):
        folder.add(strategy, wrong)
    [sweep] = folder.conclude().summary["sweep"]
    assert sweep["full"] == "freeze:first=0" and sweep["answer"]["strategy"] == "freeze:first=3"
    assert sweep["points"][0]["low"] is None and sweep["points"][0]["high"] is None  # one seed


def test_a_sweep_may_share_other_settings(folder: Any) -> None:
    """As the freezing of layers under embeddings that train; of two such sets the larger one is shown."""
    same = ("full", "freeze:first=2,embeddings=train", "freeze:first=half,embeddings=train", "freeze:layers")
    for strategy in (*same, "freeze:first=2", "freeze:first=4,learning_rate=1e-5", "freeze:alternating", "head"):
        folder.add(strategy, 0.1)
    [sweep] = folder.conclude().summary["sweep"]
    assert drawn(sweep) == [
        ("freeze:layers", 0),
        ("freeze:first=half,embeddings=train", 3),
        ("freeze:first=2,embeddings=train", 4),
        ("full", 6),
    ]
    assert (sweep["embeddings"], sweep["full"], sweep["answer"]["layers_trained"]) == ("train", "full", 0)


def test_full_with_a_rate_of_its_own_is_the_reference(folder: Any) -> None:
    for strategy in ("full:learning_rate=1e-05", "freeze:first=2", "head"):
        folder.add(strategy, 0.1)
    [sweep] = folder.conclude().summary["sweep"]
    assert sweep["full"] == "full:learning_rate=1e-05" and sweep["answer"]["strategy"] == "head"


def test_the_strategies_of_the_default_are_a_sweep(folder: Any) -> None:
    for strategy in DEFAULT_STRATEGIES:
        folder.add(strategy, 0.1)
    [sweep] = folder.conclude().summary["sweep"]
    assert drawn(sweep) == [
        ("head", 0),
        ("freeze:first=half", 3),
        ("full", 6),
    ]


def test_all_layers_under_another_name_are_no_answer(folder: Any) -> None:
    for strategy, wrong in (("full", 0.05), ("freeze:first=0", 0.05), ("freeze:first=3", 0.5), ("head", 0.6)):
        folder.add(strategy, wrong)
    [sweep] = folder.conclude().summary["sweep"]
    assert sweep["answer"]["strategy"] is None and sweep["answer"]["layers_trained"] is None
    assert "Nothing below the 6 trained layers of full keeps up" in sweep["answer"]["sentence"]


def test_no_sweep_of_two_points_or_of_unknown_layers(folder: Any) -> None:
    for strategy in ("full", "head", "freeze:first=6"):
        folder.add(strategy)
    assert folder.conclude().summary["sweep"] == []
    folder.add("freeze:first=3", num_layers=None)
    assert folder.conclude().summary["sweep"] == []
    folder.add("freeze:first=3")
    assert len(folder.conclude().summary["sweep"][0]["points"]) == 4


def test_a_sweep_without_full_has_no_answer(folder: Any) -> None:
    for frozen in (2, 4, 6):
        folder.add(f"freeze:first={frozen}")
    [sweep] = folder.conclude().summary["sweep"]
    assert sweep["full"] is None and sweep["answer"] is None and len(sweep["points"]) == 3


def test_runs_on_a_part_of_the_data_count_only_in_the_curve(folder: Any) -> None:
    for seed in range(2):
        for share, size, wrong in ((0.25, 100, 0.3), (0.5, 200, 0.2), (None, 400, 0.1)):
            once = [{"epoch": 1.0, "train_seconds": 9.0, "seconds": 9.0, "validation": {"accuracy": 1 - wrong}}]
            folder.add("full", wrong, seed, train_share=share, train_examples=size, history=once)
        folder.add("head", 0.4, seed)
    best_of_a_part = folder.add("full", 0.0, 2, train_share=0.5, train_examples=200)
    done = folder.conclude()
    [curve] = done.summary["data_sizes"]  # head ran on one size only
    assert (curve["model_name"], curve["strategy"], curve["metric"]) == ("bert", "full", "accuracy")
    assert [(one["train_examples"], one["seeds"]) for one in curve["points"]] == [(100, 2), (200, 3), (400, 2)]
    assert curve["points"][2]["mean"] == pytest.approx(0.9)
    assert curve["gain"] == pytest.approx(0.9 - (0.8 + 0.8 + 1.0) / 3)
    assert len(done.summary["runs"]) == 9 and done.best != best_of_a_part
    [pair] = [one for one in done.summary["comparisons"] if one["split"] == "validation"]
    assert pair["difference"] == pytest.approx(0.3)
    [time] = done.summary["time_to_quality"]["strategies"]  # head has no history
    assert (time["strategy"], time["runs"], time["reached"]) == ("full", 2, 2)


def test_costs(folder: Any) -> None:
    def history(*scores: float) -> list[dict[str, Any]]:
        times = range(1, len(scores) + 1)
        return [
            {"epoch": t, "train_seconds": 10.0 * t, "seconds": 12.0 * t, "validation": {"accuracy": score}}
            for t, score in zip(times, scores, strict=True)
        ]

    folder.add("full", 0.05, fit_seconds=90.0, peak_memory_bytes=900, history=history(0.5, 0.94, 0.95))
    folder.add("lora", 0.10, fit_seconds=70.0, peak_memory_bytes=None, history=history(0.91, 0.9))
    folder.add("head", 0.20, fit_seconds=99.0, trainable_parameters=9, history=history(0.7, 0.8))
    summary = folder.conclude().summary
    assert summary["pareto"] == {"fit_seconds": ["lora", "full"], "trainable_parameters": ["head", "full"]}
    found = summary["time_to_quality"]
    assert (found["metric"], found["share"], found["target"]) == ("accuracy", 0.95, pytest.approx(0.95 * 0.95))
    times = {one["strategy"]: (one["train_seconds"], one["seconds"], one["reached"]) for one in found["strategies"]}
    assert times == {"full": (20.0, 24.0, 1), "lora": (10.0, 12.0, 1), "head": (None, None, 0)}
