"""The Python interface, called as a program would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import unfreeze
from unfreeze.storage.folders import OutputError

DATA = {
    "train": [
        ("happy smile", "joy"),
        ("tears grief", "sadness"),
        ("the happy day", "joy"),
        ("a lonely day", "sadness"),
    ],
    "validation": [("smile", "joy"), ("grief", "sadness")],
    "test": [("we smile", "joy"), ("we saw tears", "sadness")],
}


class Notes(unfreeze.Listener):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def said(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture(scope="module")
def trained(family_folder: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Notes]:
    """One run through `unfreeze.train`, with what it said."""
    notes = Notes()
    output = tmp_path_factory.mktemp("api") / "out"
    done = unfreeze.train(
        strategy="lora:r=2",
        listener=notes,
        model_name_or_path=family_folder("bert"),
        data=DATA,
        epochs=4,
        learning_rate=2e-2,
        per_device_train_batch_size=4,
        plan=False,
        speedups="off",
        output=output,
    )
    return done, notes


def test_train_is_a_comparison_of_one_run(trained: tuple[Any, Notes]) -> None:
    done, notes = trained
    assert isinstance(done, unfreeze.Comparison)
    [record] = done.records
    assert isinstance(record, unfreeze.RunRecord)
    assert (record.strategy, record.seed, record.status) == ("lora:r=2", 42, "done")
    assert done.recommended == "lora:r=2"
    assert "--model-name-or-path is called --model here" in notes.texts
    assert (done.output / "report" / "index.html").is_file()


def test_load_and_predict_take_any_folder_of_a_comparison(trained: tuple[Any, Notes]) -> None:
    done, _ = trained
    run = done.best
    answers = []
    for folder in (done.output, run, run / "model", run / "model-merged", str(run / "model")):
        predictor = unfreeze.load(folder)
        assert isinstance(predictor, unfreeze.Predictor)
        answers.append(predictor.predict(["we smile", "tears"]))
    for answer in answers:
        assert [one["label"] for one in answer] == [one["label"] for one in answers[0]]
        assert [one["score"] for one in answer] == pytest.approx([one["score"] for one in answers[0]], abs=1e-5)
    [alone] = unfreeze.predict(done.output, "we smile")  # without padding, so with other last digits
    assert alone["label"] == answers[0][0]["label"] and alone["score"] == pytest.approx(
        answers[0][0]["score"], abs=1e-5
    )
    assert unfreeze.load(done.output, max_length=12).max_length == 12


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(unfreeze.ModelError, match="no model found"):
        unfreeze.load(tmp_path)
    (tmp_path / "best").write_text("../elsewhere\n")
    with pytest.raises(OutputError, match="points outside"):
        unfreeze.load(tmp_path)


def test_a_network_without_a_head_for_a_task(family_folder: Callable[..., str]) -> None:
    with pytest.raises(unfreeze.ModelError, match="BertModel"):
        unfreeze.load(family_folder("bert"))


def test_mistakes_are_raised_together() -> None:
    with pytest.raises(unfreeze.SettingsError) as raised:
        unfreeze.compare(model="x", seeds=0, epoch=3, strategy=["ful"])
    assert len(raised.value.mistakes) == 3
    assert "--epoch: no such setting. Did you mean --epochs?" in raised.value.mistakes
