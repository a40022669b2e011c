"""What `unfreeze evaluate` scores: whole files, a split of a data set, or what the comparison was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.storage.folders import best_run
from unfreeze.storage.records import read_record

Cli = Callable[..., Any]
Compared = tuple[Path, Any]


def scores(called: Any) -> dict[str, Any]:
    assert called.code == 0, called.err
    return dict(json.loads(called.out)["sets"])


def test_test_files_are_scored_whole_and_without_training_data(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str
) -> None:
    output, _ = compared
    record = read_record(best_run(output))
    test, more = (next(data_folders[task].glob(f"{name}.*")) for name in ("test", "more"))
    files = ("--test-file", test, "--test-file", f"elsewhere={more}")
    found = scores(unfreeze_cli("evaluate", output, *files, "--json"))
    assert {name: one["examples"] for name, one in found.items()} == {"test": 12, "elsewhere": 9}
    assert found["test"]["metrics"] == pytest.approx(record.test, abs=1e-5)
    assert found["elsewhere"]["metrics"] == pytest.approx(record.tests["more"], abs=1e-5)
    assert list(scores(unfreeze_cli("evaluate", output, *files, "--split", "elsewhere", "--json"))) == ["elsewhere"]
    plain = unfreeze_cli("evaluate", output, *files)
    assert plain.out.startswith("[test]\n") and "\n\n[elsewhere]\n" in plain.out
    assert "--data" not in plain.err


def test_a_single_file_and_a_folder_of_test_files_are_scored_whole(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str, tmp_path: Path
) -> None:
    more = next(data_folders[task].glob("more.*"))
    copy = tmp_path / f"test{more.suffix}"
    copy.write_bytes(more.read_bytes())
    for data in (more, tmp_path):
        found = scores(unfreeze_cli("evaluate", compared[0], "--data", data, "--json"))
        assert {name: one["examples"] for name, one in found.items()} == {"test": 9}
    if task == "classification":
        called = unfreeze_cli("evaluate", compared[0], "--data", more, "--split", "train", "--json")
        assert scores(called)["train"]["examples"] < 9


def test_without_data_it_is_the_data_of_the_comparison(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str
) -> None:
    output, _ = compared
    run = best_run(output)
    record = read_record(run)
    for folder in (output, run, run / "model"):
        called = unfreeze_cli("evaluate", folder, "--json")
        found = scores(called)
        assert found["test"]["metrics"] == pytest.approx(record.test, abs=1e-5)
        assert found["more"]["metrics"] == pytest.approx(record.tests["more"], abs=1e-5)
        assert f"as in {output.resolve() / 'settings.yaml'}: --data {data_folders[task]}" in called.err
        assert json.loads(called.out)["metrics"] == found["test"]["metrics"]


@pytest.fixture(scope="module")
def one_file(family_folder: Callable[..., str], unfreeze_cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison on one JSON file with odd columns, a data seed and lower case; `data.jsonl` is beside it."""
    folder = tmp_path_factory.mktemp("one")
    rows = [{"said": f"The {'HAPPY' if i % 2 else 'sad'} day {i}", "kind": i % 2} for i in range(40)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    called = unfreeze_cli(
        *("train", "--model", family_folder("bert"), "--data", folder / "data.jsonl", "--text-column", "said"),
        *("--label-column", "kind", "--label-names", "0=SAD,1=GLAD", "--lower-case", "--data-seed", 7),
        *("--test-fraction", 0.3, "--max-steps", 2, "--precision", "fp32", "--output", folder / "out"),
    )
    assert called.code == 0, called.err
    return folder


def test_settings_of_the_data_come_from_the_comparison(unfreeze_cli: Cli, one_file: Path) -> None:
    output, data = one_file / "out", one_file / "data.jsonl"
    record = read_record(best_run(output))
    # Named again or not, the file is split as in training: all else would score what was trained on.
    for arguments in ((), ("--data", data), ("--train-file", data)):
        called = unfreeze_cli("evaluate", output, *arguments, "--json")
        assert scores(called)["test"]["metrics"] == pytest.approx(record.test, abs=1e-5)
        assert scores(called)["test"]["examples"] == 12
        assert ("was trained on this file" in called.err) == bool(arguments)
    for said in ("--text-column said", "--label-names 0=SAD,1=GLAD", "--lower-case True", "--data-seed 7"):
        assert said in called.err
    called = unfreeze_cli("evaluate", output, "--data-seed", 8)
    assert "--data-seed" not in called.err and "seed 8" in called.err
    copy = one_file / "copy.jsonl"
    copy.write_bytes(data.read_bytes())
    assert scores(unfreeze_cli("evaluate", output, "--test-file", copy, "--json"))["test"]["examples"] == 40


def test_labels_unknown_to_the_model_and_other_tasks(unfreeze_cli: Cli, one_file: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text("text,label\na day,GLAD\na night,NEUTRAL\n")
    names = ("--text-column", "text", "--label-column", "label", "--label-names", "0=GLAD,1=NEUTRAL")
    called = unfreeze_cli("evaluate", one_file / "out", "--test-file", odd, *names)
    assert called.code == 0 and "does not know the labels 'NEUTRAL' (1)" in called.err
    called = unfreeze_cli("evaluate", one_file / "out", "--data", "sample:ner", *names[:2], "--label-names", "0=O")
    assert called.code == 2
    model = best_run(one_file / "out") / "model"
    alone = tmp_path / "model"
    alone.mkdir()
    for file in model.iterdir():
        (alone / file.name).write_bytes(file.read_bytes())
    called = unfreeze_cli("evaluate", alone, "--data", "sample:ner")
    assert called.code == 2 and "is a model for classification, but this data is for tagging" in called.err
    called = unfreeze_cli("evaluate", alone)
    assert called.code == 2 and "no data is named. Pass --test-file or --data" in called.err


def test_data_in_memory_must_be_named(unfreeze_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("data: <dict in memory>\ndata_seed: 42\n")
    called = unfreeze_cli("evaluate", tmp_path)
    assert called.code == 2 and "was trained on data in memory. Pass --data or --test-file" in called.err
