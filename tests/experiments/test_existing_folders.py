"""A folder that holds something else is left alone, and what differs is called by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.pretrain import pretrain, pretrain_settings
from unfreeze.models.scratch import Scratch
from unfreeze.settings import SettingsError
from unfreeze.settings.model import DEFAULT_STRATEGIES
from unfreeze.storage.folders import OWN_FILES, OutputError
from unfreeze.tasks import Classification

RunComparison = Callable[..., Comparison]
TINY = Scratch(
    vocab_size=200, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=64,
)  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    folder = tmp_path / "thesis"
    folder.mkdir()
    for name in ("thesis.txt", ".notes.old", ".draft.tmp", "settings.yaml"):
        (folder / name).write_text("epochs: 2\n")
    return folder


def test_foreign_files_are_not_touched(run_comparison: RunComparison, foreign: Path) -> None:
    before = files(foreign)
    with pytest.raises(OutputError, match="not empty"):
        run_comparison(foreign)
    assert files(foreign) == before


def test_foreign_files_are_moved_aside_whole(run_comparison: RunComparison, foreign: Path) -> None:
    before = files(foreign)
    done = run_comparison(foreign, overwrite=True)
    assert files(foreign.with_name("thesis.1")) == before
    assert done.records[0].status == "done"
    assert not list(foreign.parent.glob(".*"))


def test_a_comparison_holds_no_other(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out")
    before = files(done.output)
    for inside in ("new", "runs/new", "report", str(done.best.relative_to(done.output))):
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="lies inside of"):
                run_comparison(done.output / inside, overwrite=overwrite)
    assert files(done.output) == before


def test_what_a_command_reads_is_not_moved(
    run_comparison: RunComparison,
    family_folder: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Path(copytree(family_folder("bert"), tmp_path / "home" / "model"))
    before = files(tmp_path / "home")
    for output in (model, model.parent):
        with pytest.raises(OutputError, match="which this command needs"):
            run_comparison(output, model=str(model), overwrite=True)
    monkeypatch.chdir(tmp_path / "home")
    with pytest.raises(OutputError, match="which this command needs"):
        run_comparison(Path(), overwrite=True)
    assert files(tmp_path / "home") == before


def test_links_and_files(run_comparison: RunComparison, tmp_path: Path) -> None:
    done = run_comparison(tmp_path / "out")
    before = {name: content for name, content in files(done.output).items() if name not in OWN_FILES}
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "file").write_text("mine")
    for name in ("nowhere", "file"):
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="is a file"):
                run_comparison(tmp_path / name, overwrite=overwrite)
    assert (tmp_path / "file").read_text() == "mine"
    run_comparison(tmp_path / "link", epochs=1, overwrite=True)
    assert (tmp_path / "link.1").readlink() == Path("out")
    after = {name: content for name, content in files(done.output).items() if name not in OWN_FILES}
    assert after == before


def test_a_process_that_died_early_is_no_obstacle(run_comparison: RunComparison, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    for name in (".owner.json", "identity.json", "environment.json"):
        (output / name).write_text("{}")
    (output / ".settings.yaml.123.tmp").write_text("")
    assert run_comparison(output).records[0].status == "done"
    assert not list(output.glob("*.tmp"))


@pytest.mark.parametrize("key", ["data", "files"])
def test_folders_of_older_versions(run_comparison: RunComparison, tmp_path: Path, key: str) -> None:
    done = run_comparison(tmp_path / "out")
    path = done.output / "identity.json"
    values = json.loads(path.read_text())
    del values[key]
    path.write_text(json.dumps(values))
    assert run_comparison(done.output).records == done.records
    path.write_text(json.dumps(values))
    with pytest.raises(OutputError, match="holds runs on other data"):
        run_comparison(done.output, max_train_samples=20)


def test_everything_that_differs_is_named(
    run_comparison: RunComparison,
    corpora: dict[str, dict[str, Any]],
    family_folder: Callable[..., str],
    tmp_path: Path,
) -> None:
    model = Path(copytree(family_folder("bert"), tmp_path / "model"))
    run_comparison(tmp_path / "out", model=str(model))
    (model / "tokenizer_config.json").write_text(
        json.dumps(json.loads((model / "tokenizer_config.json").read_text()) | {"made_up": 1})
    )
    data = {
        name: [(text, label.replace("joy", "delight")) for text, label in rows]
        for name, rows in corpora["classification"].items()
        if name != "news"
    }
    with pytest.raises(OutputError) as raised:
        run_comparison(tmp_path / "out", model=str(model), data=data, weight_decay=0.5)
    said = str(raised.value)
    for words in (
        "labels that are new: delight; labels that are gone: joy", "train has other examples", "news is gone",
        "with other files in it (tokenizer_config.json)", "--weight-decay was 0.0 and is now 0.5", "--overwrite",
    ):  # fmt: skip
        assert words in said
    with pytest.raises(OutputError, match="the task was classification and is now tagging"):
        run_comparison(tmp_path / "out", model=str(model), data=corpora["tagging"])


@pytest.fixture
def pretrained(tmp_path: Path) -> Callable[..., Comparison]:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(["the old king sleeps here", "a new ship sings loud"] * 20))

    def make(scratch: Scratch = TINY, **changes: Any) -> Comparison:
        values = {"data": str(text), "max_steps": 2, "max_length": 16, "speedups": "off", "output": tmp_path / "out"}
        settings, _ = pretrain_settings("mlm", values | changes)
        return pretrain(settings, scratch)

    return make


class Told(Listener):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def said(self, text: str) -> None:
        self.texts.append(text)


def test_a_default_that_does_not_fit_is_left_out_also_when_the_settings_of_a_folder_name_it(
    run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    albert = {"model": family_folder("albert"), "strategy": [*DEFAULT_STRATEGIES, "bitfit"]}
    listener = Told()
    done = run_comparison(tmp_path / "out", **albert, seeds=1, max_train_samples=16, listener=listener)
    assert {one.strategy for one in done.records} == {"head", "lora", "full", "bitfit"}
    assert any(text.startswith("left out: freeze:first=half") for text in listener.texts)


@dataclass(frozen=True)
class Smooth(Classification):
    """A task of a user's own."""

    smoothing: float = 0.1


def test_an_own_task_with_another_field_is_another_question(run_comparison: RunComparison, tmp_path: Path) -> None:
    settings = {"strategy": "head", "seeds": 1}
    run_comparison(tmp_path / "out", **settings, own_task=Smooth(smoothing=0.2))
    with pytest.raises(OutputError, match=r"of the task Smooth\(.*smoothing=0.2\), not Smooth\(.*smoothing=0.5\)"):
        run_comparison(tmp_path / "out", **settings, own_task=Smooth(smoothing=0.5))
    with pytest.raises(OutputError, match=r"of the task Smooth\(.*smoothing=0.2\), not classification"):
        run_comparison(tmp_path / "out", **settings)


def test_a_model_from_scratch_is_moved_aside(pretrained: Callable[..., Comparison], tmp_path: Path) -> None:
    pretrained()
    before = files(tmp_path / "out-from-scratch")
    other = Scratch(**{**vars(TINY), "hidden_size": 32})
    with pytest.raises(SettingsError, match="--overwrite"):
        pretrained(other)
    assert files(tmp_path / "out-from-scratch") == before
    pretrained(other, overwrite=True)
    assert files(tmp_path / "out-from-scratch.1") == before
    assert (tmp_path / "out.1" / "comparison.json").is_file()


def test_somebodys_folder_where_the_model_would_go(pretrained: Callable[..., Comparison], tmp_path: Path) -> None:
    folder = tmp_path / "out-from-scratch"
    folder.mkdir()
    (folder / "scratch.json").write_text("no JSON")
    with pytest.raises(SettingsError, match="--overwrite"):
        pretrained()
    pretrained(overwrite=True)
    assert files(tmp_path / "out-from-scratch.1") == {"scratch.json": b"no JSON"}


def test_nothing_is_made_beside_a_folder_that_is_refused(
    pretrained: Callable[..., Comparison], run_comparison: RunComparison, tmp_path: Path
) -> None:
    run_comparison(tmp_path / "out")
    with pytest.raises(OutputError, match="other data"):
        pretrained()
    assert not (tmp_path / "out-from-scratch").exists()


def test_a_student_is_of_its_teachers_model_alone_also_when_the_folder_is_gone_on_with(
    run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    models = {"model": [family_folder("bert"), family_folder("electra")], "max_train_samples": 16}
    done = run_comparison(tmp_path / "out", **models)
    [teacher] = [one for one in done.records if one.model_name == models["model"][0]]
    student = f"distill:teacher={(tmp_path / 'out' / str(teacher.model)).parent},layers=1"
    told = Told()
    again = run_comparison(tmp_path / "out", **models, strategy=["full", student], listener=told)
    assert [one.model_name for one in again.records if one.teacher] == [teacher.model_name]
    assert any(f"its teacher was trained from {teacher.model_name}" in text for text in told.texts)
