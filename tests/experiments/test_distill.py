"""A student joins the comparison of its teacher: its row, its model, its speed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import transformers
from safetensors.torch import load_file, save_file

import unfreeze
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.inspect_model import inspect_models
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.pretrain import pretrain, pretrain_settings
from unfreeze.experiments.verify import verify
from unfreeze.models.load import load_network
from unfreeze.reports.leaderboard import leaderboard
from unfreeze.settings import SettingsError, read_settings
from unfreeze.storage.folders import OutputError
from unfreeze.storage.records import read_comparison
from unfreeze.strategies import STRATEGIES, Distill, StrategyError
from unfreeze.strategies.parse import parse_strategies

SIZES = {"train": 36, "validation": 12, "test": 12}
TRAINED = [
    "classification",
    "tagging",
    *(pytest.param(task, marks=pytest.mark.slow) for task in ("question-answering", "multi-label", "regression")),
]
OPTIONS: dict[str, Any] = {
    "seeds": 1,
    "epochs": 3,
    "learning_rate": 1e-2,
    "plan": False,
    "speedups": "off",
    "max_length": 48,
}


@pytest.fixture
def data_of(make_examples_of: Callable[..., Any]) -> Callable[[str], dict[str, Any]]:
    return lambda task: {
        split: list(make_examples_of(task, size, seed)) for seed, (split, size) in enumerate(SIZES.items())
    }


@pytest.fixture
def run_both(
    family_folder: Callable[..., str], data_of: Callable[[str], dict[str, Any]], tmp_path: Path
) -> Callable[..., tuple[Path, Comparison]]:
    """A teacher, and the comparison once its student has joined."""

    def make(task: str, *, teacher: str = "full", **changes: Any) -> tuple[Path, Comparison]:
        values = OPTIONS | {"model": family_folder("bert"), "data": data_of(task), "output": tmp_path / "out"} | changes
        best = unfreeze.compare(strategy=[teacher], **values).best
        return best, unfreeze.compare(strategy=[Distill(teacher=str(best), layers=1, hidden=0.1)], **values)

    return make


@pytest.mark.parametrize("task", TRAINED)
def test_a_student_of_every_task(run_both: Callable[..., tuple[Path, Comparison]], task: str) -> None:
    best, both = run_both(task)
    [teacher, student] = sorted(both.records, key=lambda one: one.strategy, reverse=True)
    assert (teacher.strategy, teacher.num_layers) == ("full", 2), "it stays in the comparison"
    assert student.strategy.startswith(f"distill:teacher={best}") and student.status == "done", student.error
    assert student.num_layers == 1 and student.trains and student.trains.startswith("embeddings, layer 1 of 1")
    assert student.total_parameters and teacher.total_parameters
    assert student.total_parameters < teacher.total_parameters
    config = transformers.AutoConfig.from_pretrained(both.output / str(student.model))
    assert config.num_hidden_layers == 1
    speeds = read_comparison(both.output)["speeds"]
    assert sorted(one["num_layers"] for one in speeds) == [1, 2]
    assert all(0 < one["low"] <= one["texts_per_second"] <= one["high"] for one in speeds)
    learnt = [replace(one, degenerate=None) for one in both.records]  # two epochs need not teach them anything
    assert all(row.texts_per_second for row in leaderboard(learnt, speeds))


@pytest.mark.parametrize("objective", ["mlm", "sop"])
def test_a_student_of_a_pretrained_encoder(family_folder: Callable[..., str], tmp_path: Path, objective: str) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("\n\n".join("We saw anna.\nA day in lima.\nThe house and karl." for _ in range(20)))
    values = {"data": str(file), "model": family_folder("bert"), "epochs": 1, "speedups": "off", "seeds": 1}
    values |= {"output": tmp_path / "out", "learning_rate": 1e-3}
    best = pretrain(pretrain_settings(objective, values)[0]).best
    students = values | {"strategy": [f"distill:teacher={best},layers=1"]}
    both = pretrain(pretrain_settings(objective, students)[0])
    assert {one.num_layers for one in both.records} == {1, 2}
    assert all(one.status == "done" for one in both.records)


def test_an_adapter_teaches_as_its_merged_model(run_both: Callable[..., tuple[Path, Comparison]]) -> None:
    best, both = run_both("classification", teacher="lora:r=4")
    assert (best / "model-merged").is_dir()
    assert {one.num_layers for one in both.records} == {1, 2}


@pytest.mark.slow
def test_two_times_the_same(
    family_folder: Callable[..., str], data_of: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    values = OPTIONS | {"model": family_folder("bert"), "data": data_of("classification")}
    teacher = unfreeze.train(output=tmp_path / "teacher", **values).best
    students = [
        unfreeze.compare(strategy=[Distill(teacher=str(teacher), layers=1)], output=tmp_path / name, **values).best
        for name in ("one", "two")
    ]
    one, two = ((student / "model" / "model.safetensors").read_bytes() for student in students)
    assert one == two
    other = Distill(teacher=str(teacher), layers=1, temperature=4.0)
    again = unfreeze.compare(strategy=[other], output=tmp_path / "three", **values).best
    assert (again / "model" / "model.safetensors").read_bytes() != one


def test_it_begins_with_what_the_teacher_is(
    family_folder: Callable[..., str], data_of: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """Frozen below its head and without learning from labels, a student of all layers answers like its teacher."""
    values = OPTIONS | {"model": family_folder("bert"), "data": data_of("classification")}
    teacher = unfreeze.train(output=tmp_path / "teacher", **values).best
    values["learning_rate"] = 1e-6
    student = unfreeze.compare(
        strategy=[f"distill:teacher={teacher},layers=2,alpha=1+freeze:first=2"], output=tmp_path / "student", **values
    ).best
    texts = [one.text for one in data_of("classification")["test"]]
    theirs, ours = (unfreeze.predict(folder, texts, top_k=None) for folder in (teacher, student))
    for a, b in zip(theirs, ours, strict=True):
        assert {one["label"]: one["score"] for one in a} == pytest.approx(
            {one["label"]: one["score"] for one in b}, abs=0.02
        )


def test_a_teacher_that_has_changed_is_another_one(
    family_folder: Callable[..., str], data_of: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """Else students of two teachers would be taken for seeds of one strategy."""
    teacher = Path(saved_classifier(tmp_path / "teacher", family_folder("bert"), ["anger", "joy", "sadness"]))
    values = OPTIONS | {"model": family_folder("bert"), "data": data_of("classification"), "output": tmp_path / "out"}
    done = unfreeze.compare(strategy=[f"distill:teacher={teacher},layers=1"], **values)
    assert set(done.summary["weights"]) == {values["model"], str(teacher)}
    weights = load_file(teacher / "model.safetensors")
    weights["classifier.weight"] += 1.0
    save_file(weights, teacher / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(OutputError, match=f"holds runs of {teacher} with other files in it"):
        unfreeze.compare(strategy=[f"distill:teacher={teacher},layers=1"], **values)


@pytest.fixture
def refused(
    family_folder: Callable[..., str], data_of: Callable[[str], dict[str, Any]], tmp_path: Path
) -> Callable[..., str]:
    def make(strategy: str, task: str = "classification", **changes: Any) -> str:
        values = OPTIONS | {"model": family_folder("bert"), "data": data_of(task), "output": tmp_path / "no"} | changes
        with pytest.raises(StrategyError) as caught:
            unfreeze.compare(strategy=[strategy], **values)
        assert not (tmp_path / "no").exists(), "before anything is trained"
        return str(caught.value)

    return make


def saved_classifier(
    folder: Path, base: str, labels: list[str], auto_class: str = "AutoModelForSequenceClassification"
) -> str:
    names = dict(enumerate(labels))
    network = load_network(base, auto_class, 0, id2label=names, label2id={v: k for k, v in names.items()}).network
    network.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return str(folder)


def test_teachers_that_cannot_teach(
    refused: Callable[..., str], family_folder: Callable[..., str], tmp_path: Path
) -> None:
    labels, bert = ["anger", "joy", "sadness"], family_folder("bert")
    good = saved_classifier(tmp_path / "good", bert, labels)
    turned = saved_classifier(tmp_path / "turned", bert, labels[::-1])
    tagger = saved_classifier(tmp_path / "tagger", bert, labels, "AutoModelForTokenClassification")
    electra = saved_classifier(tmp_path / "electra", family_folder("roberta"), labels)
    albert = saved_classifier(tmp_path / "albert", family_folder("albert"), labels)
    assert "has 2 layers; layers=3 are too many" in refused(f"distill:teacher={good},layers=3")
    assert "labels of the teacher are sadness, joy, anger; those of the data are anger, joy" in refused(
        f"distill:teacher={turned}"
    )
    assert "the teacher has no head for classification" in refused(f"distill:teacher={tagger}")
    assert "splits texts into other pieces" in refused(f"distill:teacher={electra}")
    assert "layers share their weights" in refused(f"distill:teacher={albert}", model=family_folder("albert"))
    assert "no such folder" in refused(f"distill:teacher={tmp_path / 'nowhere'}")
    assert "an adapter is loaded on the model that it was trained on" in refused(f"distill:teacher={good}+lora")
    extended = saved_classifier(tmp_path / "extended", bert, labels)
    config = json.loads((Path(extended) / "config.json").read_text())
    config["unfreeze_extensions"] = [{"name": "mean_pooling"}]
    (Path(extended) / "config.json").write_text(json.dumps(config))
    assert "the teacher is no stock network (mean_pooling)" in refused(f"distill:teacher={extended}")
    both = refused(f"distill:teacher={turned}+freeze:first=1")
    assert both.startswith(f"distill:teacher={turned}+freeze:first=1: the labels")


@pytest.mark.parametrize("with_data", [False, True])
def test_inspecting_an_adapter_on_a_student_refuses_it_as_comparing_does(
    refused: Callable[..., str],
    family_folder: Callable[..., str],
    data_of: Callable[[str], dict[str, Any]],
    tmp_path: Path,
    with_data: bool,
) -> None:
    teacher = saved_classifier(tmp_path / "teacher", family_folder("bert"), ["anger", "joy", "sadness"])
    strategy = f"distill:teacher={teacher},layers=1+lora"
    values: dict[str, Any] = {"model": family_folder("bert"), "strategy": [strategy]}
    if with_data:
        values["data"] = data_of("classification")
    with pytest.raises(StrategyError) as caught:
        inspect_models(read_settings(values)[0], lambda said: None, device="cpu")
    assert str(caught.value) == refused(strategy)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "needs a teacher, as distill:teacher=DIR"),
        ("teacher=x,alpha=2", "alpha=2: expected a number from 0 to 1"),
        ("teacher=x,temperature=0", "temperature=0: expected a number above 0"),
        ("teacher=x,hidden=-1", "hidden=-1: expected 0 or more"),
        ("teacher=x,layers=-1", "layers=-1: expected 1 or more"),
        ("teacher=x,teachr=y", "distill has no setting 'teachr'. Did you mean teacher?"),
    ],
)
def test_settings_that_make_no_sense(settings: str, said: str) -> None:
    with pytest.raises(StrategyError) as caught:
        parse_strategies(f"distill:{settings}", STRATEGIES)
    assert said in str(caught.value)


def test_verify_knows_no_teacher(family_folder: Callable[..., str], data_of: Callable[[str], dict[str, Any]]) -> None:
    values = {"model": family_folder("bert"), "data": data_of("classification"), "strategy": ["distill:teacher=x"]}
    with pytest.raises(SettingsError, match="--strategy distill:teacher=x: the stock Trainer has no teacher"):
        verify(read_settings(values)[0], Listener())
