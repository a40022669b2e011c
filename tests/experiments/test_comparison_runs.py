"""How runs go: subsets, weights, broken runs, repeated runs, objects of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
import torch
import yaml
from sklearn.utils.class_weight import compute_class_weight

import unfreeze
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Cell, Listener
from unfreeze.reports.document import write_report
from unfreeze.storage.records import RunRecord, find_runs
from unfreeze.tasks import Classification
from unfreeze.training.loop import Trainer
from unfreeze.training.result import Progress

RunComparison = Callable[..., Comparison]
TIMINGS = {"train_seconds", "fit_seconds", "seconds_to_best", "evaluate_seconds", "test_seconds", "tokens_per_second"}
TIMINGS |= {"save_seconds", "history", "peak_memory_bytes"}


class Diary(Listener):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.cells: list[Cell] = []
        self.trains: dict[str, str] = {}
        self.started: list[tuple[Cell, int]] = []
        self.steps: list[Progress] = []
        self.finished: list[RunRecord] = []

    def said(self, text: str) -> None:
        self.texts.append(text)

    def planned(self, cells: Any, what_trains: dict[str, str]) -> None:
        self.cells, self.trains = list(cells), what_trains

    def run_started(self, cell: Cell, number: int) -> None:
        BreaksForOneSeed.seed, BreaksForOneSeed.epoch = cell.seed, 0.0
        self.started.append((cell, number))

    def progressed(self, cell: Cell, progress: Progress) -> None:
        self.steps.append(progress)
        BreaksForOneSeed.epoch = progress.epoch

    def run_finished(self, cell: Cell, record: RunRecord) -> None:
        self.finished.append(record)


@dataclass(frozen=True)
class BreaksForOneSeed(Classification):
    """A task of a user's own, with a fault."""

    name: ClassVar[str] = "breaks"
    seed: ClassVar[int] = 0  # kept up to date by the listener
    epoch: ClassVar[float] = 0.0
    how: str = "nan"

    def loss(self, outputs: Any, batch: Any, label_weights: Any = None) -> Any:
        total, units = super().loss(outputs, batch, label_weights)
        # In training only, and from the second epoch on, when weights have been put aside already.
        if self.seed == 43 and self.epoch >= 1 and total.requires_grad:
            if self.how == "raise":
                raise KeyError("a fault of the task")
            total = total * float("nan")
        return total, units


@pytest.mark.parametrize(("how", "status"), [("nan", "diverged"), ("raise", "failed")])
def test_a_broken_run_is_recorded_and_the_others_go_on(
    run_comparison: RunComparison, tmp_path: Path, how: str, status: str
) -> None:
    diary = Diary()
    done = run_comparison(
        tmp_path / "out", listener=diary, own_task=BreaksForOneSeed(how=how), strategy="full", seeds=3, epochs=2
    )
    assert {record.seed: record.status for record in done.records} == {42: "done", 43: status, 44: "done"}
    broken = next(record for record in done.records if record.seed == 43)
    assert broken.error is not None and {"nan": "nan", "raise": "a fault of the task"}[how] in broken.error
    assert (broken.validation, broken.test, broken.model, broken.train_seconds) == ({}, {}, None, None)
    assert done.recommended == "full" and done.best.name in ("seed-42", "seed-44")
    assert done.summary["task"] == "breaks"
    assert [record.status for record in diary.finished] == ["done", status, "done"]
    assert list(tmp_path.rglob("*best-*")) == []


def test_a_comparison_without_any_finished_run_has_no_recommendation(
    run_comparison: RunComparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*args: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Trainer, "train", train)
    done = run_comparison(tmp_path / "out", strategy=["full", "head"])
    assert [record.error for record in done.records] == ["RuntimeError: out of memory"] * 2
    assert done.recommended is None and done.summary["comparisons"] == []
    assert not (tmp_path / "out" / "best").exists()
    assert write_report(tmp_path / "out").is_file()


def test_the_listener_hears_everything_in_order(run_comparison: RunComparison, tmp_path: Path) -> None:
    diary = Diary()
    run_comparison(tmp_path / "out", listener=diary, strategy=["full", "head"], seeds=2, epochs=1, max_length=999)
    cells = [("full", 42), ("full", 43), ("head", 42), ("head", 43)]
    assert [(str(cell.strategy), cell.seed) for cell in diary.cells] == cells
    assert [(str(cell.strategy), cell.seed, number) for cell, number in diary.started] == [
        (*cell, number) for number, cell in enumerate(cells, start=1)
    ]
    assert [(record.strategy, record.seed) for record in diary.finished] == cells
    assert set(diary.trains) == {"full", "head"} and "100.00 %" in diary.trains["full"]
    assert "--max-length 999: this model takes at most 64 tokens; 64 is used" in diary.texts
    with_scores = [progress for progress in diary.steps if progress.metrics is not None]
    assert len(with_scores) == 4 and len(diary.steps) == 4 * 9 + 4


def test_same_seed_twice_gives_the_same_records(run_comparison: RunComparison, tmp_path: Path) -> None:
    first, second = (
        run_comparison(tmp_path / name, strategy=["full", "lora:r=2"], epochs=2) for name in ("first", "second")
    )
    for one, other in zip(first.records, second.records, strict=True):
        alike = [{key: value for key, value in asdict(r).items() if key not in TIMINGS} for r in (one, other)]
        assert alike[0] == alike[1]
        scores = [[(h["train_loss"], h["validation"]) for h in record.history] for record in (one, other)]
        assert scores[0] == scores[1]
    for folder in find_runs(first.output):
        twin = second.output / folder.relative_to(first.output)
        for name in ("predictions.jsonl", "model/README.md"):
            assert (folder / name).read_bytes() == (twin / name).read_bytes()
        for weights in folder.glob("model*/*.safetensors"):
            assert weights.read_bytes() == (twin / weights.relative_to(folder)).read_bytes()


def test_another_seed_gives_another_network(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", seeds=2)
    assert done.records[0].history[0]["train_loss"] != done.records[1].history[0]["train_loss"]


def test_what_runs_beside_it_does_not_move_a_run(run_comparison: RunComparison, tmp_path: Path) -> None:
    alone = run_comparison(tmp_path / "alone", strategy="head")
    beside = run_comparison(tmp_path / "beside", strategy=["full", "head"])
    [head] = [record for record in beside.records if record.strategy == "head"]
    assert (head.model, head.validation, head.test) == (
        alone.records[0].model,
        alone.records[0].validation,
        alone.records[0].test,
    )


def test_max_train_samples_and_max_eval_samples(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", max_train_samples=20, max_eval_samples=7)
    assert done.summary["data"]["sizes"] == {"train": 20, "validation": 7, "test": 7, "news": 7}
    assert done.records[0].train_examples == 20 and done.records[0].steps == 2 * 5
    other = run_comparison(tmp_path / "other")
    assert done.records[0].model != other.records[0].model  # other data, another folder


def test_only_named_test_sets(run_comparison: RunComparison, corpora: dict[str, Any], tmp_path: Path) -> None:
    data = corpora["classification"]
    named = {"train": data["train"], "validation": data["validation"], "news": data["news"], "chat": data["test"]}
    done = run_comparison(tmp_path / "out", data=named, strategy=["full", "head"])
    for record in done.records:
        assert list(record.tests) == ["chat"]
        assert sum(scores["support"] for scores in record.breakdown.values()) == len(data["news"])
    assert [pair["split"] for pair in done.summary["comparisons"]] == ["validation", "test"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("none", None), ("joy=2.5,anger=0", [0.0, 2.5, 1.0]), ("balanced", "balanced")],
)
def test_class_weights_reach_the_loss(
    run_comparison: RunComparison, corpora: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    wanted: str, expected: Any,
) -> None:  # fmt: skip
    seen: list[Any] = []
    loss = Classification.loss
    monkeypatch.setattr(Classification, "loss", lambda *args: (seen.append(args[3:]), loss(*args))[1])
    data = corpora["classification"] | {"train": corpora["classification"]["train"][:35]}
    run_comparison(tmp_path / "out", data=data, class_weights=wanted, epochs=1)
    if expected == "balanced":
        labels = [label for _, label in data["train"]]
        expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels).tolist()
        assert len(set(expected)) > 1
    in_training = [weights[0] for weights in seen if weights]
    assert len(in_training) == 9
    for weights in in_training:
        assert weights is None if expected is None else weights.tolist() == pytest.approx(expected)
    # Evaluation losses stay unweighted, so that they can be compared.
    assert len(seen) > len(in_training)


def test_a_weight_of_nothing_is_never_learnt(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", class_weights="joy=0", epochs=4)
    plain = run_comparison(tmp_path / "plain", epochs=4)
    assert done.records[0].breakdown["joy"]["recall"] < plain.records[0].breakdown["joy"]["recall"]


def test_selection_by_another_metric(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out", metric_for_best_model="mcc", strategy=["full", "head"])
    assert done.summary["selection_metric"] == "mcc" and done.recommended in ("full", "head")
    assert done.summary["comparisons"] == []  # no resampling of this one


def test_a_model_named_twice_runs_once(
    run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    assert len(run_comparison(tmp_path / "out", model=[family_folder("bert")] * 2).records) == 1


def test_two_models(run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path) -> None:
    models = [family_folder("bert"), family_folder("distilbert")]
    done = run_comparison(tmp_path / "out", model=models, strategy=["full", "head"])
    assert sorted(record.model_name for record in done.records) == sorted(models * 2)
    assert done.summary["model"] == models
    assert {pair["model_name"] for pair in done.summary["comparisons"]} == set(models)
    assert done.summary["recommendation"]["model_name"] in models


def test_overwrite_moves_aside(run_comparison: RunComparison, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "note.txt").write_text("mine")
    run_comparison(output, overwrite=True)
    assert (tmp_path / "out.1" / "note.txt").read_text() == "mine"
    assert not (output / "note.txt").exists() and (output / "comparison.json").is_file()


def test_settings_and_environment_are_written_down(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out")
    written = yaml.safe_load((done.output / "settings.yaml").read_text())
    assert written["learning_rate"] == 2e-2 and written["strategy"] == ["full"]
    assert written["data"] == "<dict in memory>"  # and not a copy of everything
    import json

    environment = json.loads((done.output / "environment.json").read_text())
    assert torch.__version__.startswith(environment["packages"]["torch"])


# Objects of the user's own, through the Python interface.


@dataclass(frozen=True)
class Biases(unfreeze.Strategy):
    """Only biases train."""

    name: ClassVar[str] = "biases"
    epochs: ClassVar[int] = 2
    learning_rate: Annotated[float, "peak learning rate"] = 5e-3
    norms: Annotated[bool, "train the biases of norms too"] = False

    def trains(self, place: Any, epoch: int) -> bool:
        return place.part == "head" or (place.name.endswith(".bias") and (self.norms or "Norm" not in place.name))


@dataclass(frozen=True)
class Smoothed(unfreeze.tasks.Classification):
    """Classification that punishes confidence."""

    name: ClassVar[str] = "smoothed"

    def loss(self, outputs: Any, batch: Any, label_weights: Any = None) -> Any:
        total, units = super().loss(outputs, batch, label_weights)
        return total - 0.1 * outputs.logits.log_softmax(-1).mean(-1).sum(), units


def test_own_strategy_and_own_task(family_folder: Callable[..., str], corpora: dict[str, Any], tmp_path: Path) -> None:
    done = unfreeze.compare(
        model=family_folder("bert"),
        data=corpora["classification"],
        strategy=[Biases(), Biases(norms=True), "head"],
        task=Smoothed(),
        seeds=1,
        speedups="off",
        output=str(tmp_path / "out"),
    )
    found = {record.strategy: record for record in done.records}
    assert set(found) == {"biases", "biases:norms", "head"}
    assert all(record.status == "done" and record.task == "smoothed" for record in found.values())
    assert found["biases"].epochs_planned == 2 and found["biases"].learning_rate == 5e-3
    trained = [found[name].trainable_parameters for name in ("head", "biases", "biases:norms")]
    assert trained == sorted(set(trained))
    assert (tmp_path / "out" / "report" / "index.html").is_file()
    [prediction] = unfreeze.predict(tmp_path / "out", "happy smile")
    assert prediction["label"] in ("anger", "joy", "sadness")
