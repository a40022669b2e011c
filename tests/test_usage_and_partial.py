"""What a saved model must remember, what a comparison leaves before it is whole, and weights given as a mapping."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import unfreeze
from unfreeze.storage.records import RunRecord

DATA = [(f"we saw tears {i}", "sad") for i in range(20)] + [(f"we saw a smile {i}", "joy") for i in range(20)]


class StopsAfterOne(unfreeze.Listener):
    """A program that dies while its second run begins."""

    def run_started(self, cell: object, number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt


def test_a_comparison_that_died_can_be_used(family_folder: Callable[..., str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        unfreeze.compare(
            model=family_folder("bert"),
            data=DATA,
            strategy=["full", "head"],
            seeds=1,
            epochs=1,
            output=out,
            listener=StopsAfterOne(),
        )
    (run,) = json.loads((out / "comparison.json").read_text())["runs"]
    assert run["status"] == "done" and run["strategy"] == "full"
    assert unfreeze.load(out).predict("we saw tears")[0]["label"] in ("sad", "joy")


def test_lower_case_and_label_weights_reach_model_and_loss(family_folder: Callable[..., str], tmp_path: Path) -> None:
    def records(name: str, **settings: object) -> RunRecord:
        out = tmp_path / name
        done = unfreeze.train(model=family_folder("roberta"), data=DATA, epochs=1, output=out, **settings)
        return done.records[0]

    plain = records("plain")
    weighted = records("weighted", class_weights={"joy": 5.0})
    records("lower", lower_case=True)
    assert weighted.history[0]["train_loss"] != plain.history[0]["train_loss"]
    cased, lower = (unfreeze.load(tmp_path / "lower").predict(text) for text in ("WE SAW TEARS", "we saw tears"))
    assert cased == lower
    cased, lower = (unfreeze.load(tmp_path / "plain").predict(text) for text in ("WE SAW TEARS", "we saw tears"))
    assert cased != lower
