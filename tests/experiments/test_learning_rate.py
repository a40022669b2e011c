"""The search for learning rates: what it tries, what it finds, and that the final run knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.learning_rate import rounds, search_budget
from unfreeze.experiments.listener import Listener
from unfreeze.storage.folders import OutputError
from unfreeze.storage.records import read_record

RunComparison = Callable[..., Comparison]
SEARCH: dict[str, Any] = {"lr_search": True, "learning_rate": None, "epochs": 4}


def ranked(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What learnt something first; then by score, loss and caution."""
    return sorted(trials, key=lambda t: (t["degenerate"] is not None, -t["score"], t["loss"], t["learning_rate"]))


class Trials(Listener):
    """Which trials were made."""

    def __init__(self) -> None:
        self.cells: list[Any] = []

    def run_started(self, cell: Any, number: int) -> None:
        if cell.is_trial:
            self.cells.append((str(cell.strategy), cell.learning_rate, cell.share, cell.seed))


@pytest.mark.parametrize("candidates", range(2, 30))
def test_rounds_halve_and_the_budget_is_what_they_add_up_to(candidates: int) -> None:
    planned = rounds(candidates)
    assert planned[0][0] == candidates and planned[-1] == (max(2, candidates // 2), 1.0)
    assert search_budget(candidates) == sum(count * share for count, share in planned)


def test_what_is_tried_and_what_is_found(run_comparison: RunComparison, tmp_path: Path) -> None:
    trials = Trials()
    done = run_comparison(tmp_path / "out", strategy=["full", "head"], listener=trials, **SEARCH)
    tried = {name: [cell[1:] for cell in trials.cells if cell[0] == name] for name in ("full", "head")}
    assert [rate for rate, share, _ in tried["full"] if share == 0.25] == [2e-5, 6e-5, 2e-4, 6e-4, 2e-3]
    assert [rate for rate, share, _ in tried["head"] if share == 0.25] == [2e-3, 6e-3, 2e-2, 6e-2, 0.2]
    for entry, record in zip(done.summary["search"], done.records, strict=True):
        name = entry["strategy"]
        first = [trial for trial in entry["trials"] if trial["share"] == 0.25]
        second = [trial for trial in entry["trials"] if trial["share"] == 1]
        assert {trial["learning_rate"] for trial in second} == {trial["learning_rate"] for trial in ranked(first)[:2]}
        best = ranked(second)[0]
        assert not best["degenerate"]
        assert entry["chosen"] == best["learning_rate"] == record.learning_rate
        assert best["score"] == record.validation[record.selection_metric]  # the last round is as long as the run
        assert record.learning_rate_from == "search" and record.strategy == name
        assert [trial["steps"] for trial in entry["trials"]] == [9] * 5 + [36] * 2  # a run has 36
        edges = {min(t["learning_rate"] for t in first): "lowest", max(t["learning_rate"] for t in first): "highest"}
        assert entry["edge"] == edges.get(entry["chosen"])
        assert ("Widen" in entry["sentence"]) == (entry["edge"] is not None)
    assert all(seed == 42 for *_, seed in trials.cells)
    assert list((tmp_path / "out" / "search").rglob("*.safetensors")) == []


def test_the_final_run_is_bit_identical_to_a_run_on_its_own(run_comparison: RunComparison, tmp_path: Path) -> None:
    searched = run_comparison(tmp_path / "searched", strategy="lora:r=2", **SEARCH)
    rate = searched.records[0].learning_rate
    alone = run_comparison(
        tmp_path / "alone", strategy=f"lora:r=2,learning_rate={rate!r}", learning_rate=None, epochs=4
    )
    weights = [next(done.best.glob("model/adapter_model.safetensors")).read_bytes() for done in (searched, alone)]
    assert weights[0] == weights[1]
    assert searched.records[0].validation == alone.records[0].validation
    assert [h["train_loss"] for h in searched.records[0].history] == [h["train_loss"] for h in alone.records[0].history]


def test_the_search_is_deterministic_and_not_made_twice(run_comparison: RunComparison, tmp_path: Path) -> None:
    first = run_comparison(tmp_path / "first", **SEARCH)
    second = run_comparison(tmp_path / "second", **SEARCH)
    assert [t["score"] for t in first.summary["search"][0]["trials"]] == [
        t["score"] for t in second.summary["search"][0]["trials"]
    ]
    again = Trials()
    run_comparison(tmp_path / "first", listener=again, **SEARCH)
    assert again.cells == []


def test_a_rate_that_diverges_is_no_winner(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(
        tmp_path / "out", strategy="full:learning_rate=1.0", lr_search_factors=[0.02, 1e30], max_grad_norm=0, **SEARCH
    )
    [entry] = done.summary["search"]
    assert entry["chosen"] == 0.02
    assert {trial["learning_rate"]: trial["status"] for trial in entry["trials"]} == {0.02: "done", 1e30: "diverged"}
    statuses = [read_record(path.parent).status for path in (tmp_path / "out" / "search").rglob("record.json")]
    assert sorted(statuses) == ["diverged", "done"]


def test_where_every_trial_diverges_the_strategy_keeps_its_own_rate(
    run_comparison: RunComparison, tmp_path: Path
) -> None:
    done = run_comparison(tmp_path / "out", lr_search_factors=[1e32, 1e33], max_grad_norm=0, **SEARCH)
    [entry] = done.summary["search"]
    assert entry["chosen"] is None and "its own is used" in entry["sentence"]
    assert (done.records[0].learning_rate, done.records[0].learning_rate_from) == (2e-4, "default")


def test_a_folder_holds_one_rate_of_a_strategy(run_comparison: RunComparison, tmp_path: Path) -> None:
    """Else two rates would be taken for two seeds."""
    run_comparison(tmp_path / "plain", strategy=["full", "head"], epochs=4, learning_rate=None)
    told = (tmp_path / "plain" / "settings.yaml").read_bytes()
    with pytest.raises(OutputError, match="holds runs of full without --lr-search, and now it is with"):
        run_comparison(tmp_path / "plain", strategy="full", **SEARCH)
    assert (tmp_path / "plain" / "settings.yaml").read_bytes() == told  # what was refused is not gone on with
    run_comparison(tmp_path / "searched", strategy="full", **SEARCH)
    with pytest.raises(OutputError, match="holds runs of full with --lr-search, and now it is without"):
        run_comparison(tmp_path / "searched", strategy=["full", "head"], epochs=4, learning_rate=None)
    run_comparison(
        tmp_path / "searched", strategy="head", epochs=4, learning_rate=None
    )  # another strategy may be added without


def test_a_search_that_finds_another_rate_is_refused(run_comparison: RunComparison, tmp_path: Path) -> None:
    """The runs of before stay what they are: they are no further seeds of the new rate."""
    first = run_comparison(tmp_path / "out", strategy="full", lr_search_factors=[0.3, 1], **SEARCH)
    rate = first.records[0].learning_rate
    again = run_comparison(tmp_path / "out", strategy="full", lr_search_factors=[1, 0.3], **SEARCH)
    assert again.records == first.records
    with pytest.raises(OutputError, match=f"holds runs of full at {rate:g}, where it is .* now"):
        run_comparison(tmp_path / "out", strategy="full", lr_search_factors=[3, 10], **SEARCH)


def test_trials_that_learnt_nothing_do_not_choose(run_comparison: RunComparison, tmp_path: Path) -> None:
    """Their scores are that of one answer to everything, and say nothing about the rate."""
    trials = Trials()
    done = run_comparison(
        tmp_path / "out", strategy="full", lr_search_factors=[1e-6, 1e-5, 1e-4], listener=trials, **SEARCH
    )
    [entry] = done.summary["search"]
    assert all(trial["degenerate"] for trial in entry["trials"])
    assert entry["chosen"] is None and "learnt anything in so short a training; its own is used" in entry["sentence"]
    assert done.records[0].learning_rate == 2e-4

    done = run_comparison(tmp_path / "mixed", strategy="full", lr_search_factors=[1e-6, 1e-5, 10], **SEARCH)
    [entry] = done.summary["search"]
    learnt = {trial["learning_rate"] for trial in entry["trials"] if not trial["degenerate"]}
    assert entry["chosen"] in (learnt or {None})


def test_the_rate_that_was_found_is_the_one_that_is_announced(run_comparison: RunComparison, tmp_path: Path) -> None:
    announced: dict[str, str] = {}

    class Ear(Listener):
        def planned(self, cells: Any, what_trains: Any) -> None:
            announced.update(what_trains)

    done = run_comparison(tmp_path / "out", strategy="full", listener=Ear(), **SEARCH)
    assert f"learning rate {done.records[0].learning_rate:g}," in announced["full"]
