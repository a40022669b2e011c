"""Every command, called as a user would, on a comparison that was really trained."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import unfreeze
from unfreeze.cli import COMMANDS
from unfreeze.cli.parsers import build_parser
from unfreeze.settings import Settings, flag
from unfreeze.storage.folders import best_run, run_folder
from unfreeze.storage.journal import JOURNAL_FILE, log_event
from unfreeze.storage.records import RunRecord, find_runs, read_comparison, read_record, write_record

Cli = Callable[..., Any]
Compared = tuple[Path, Any]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(unfreeze_cli: Cli, command: str) -> None:
    called = unfreeze_cli(command, "--help")
    assert called.code == 0 and called.err == ""
    assert called.out.startswith(f"usage: unfreeze {command} ") and COMMANDS[command][1] in called.out
    assert "%(" not in called.out and "SUPPRESS" not in called.out


def test_help_of_the_program(unfreeze_cli: Cli) -> None:
    called = unfreeze_cli("--help")
    assert called.code == 0
    words = " ".join(called.out.split())
    for command, (_, line) in COMMANDS.items():
        assert f" {command} {line} " in words
    assert unfreeze_cli().out == called.out and unfreeze_cli().code == 2
    assert unfreeze_cli("--version").out == unfreeze.__version__ + "\n"


def test_every_setting_is_a_flag_of_compare(unfreeze_cli: Cli) -> None:
    help_text = unfreeze_cli("compare", "--help").out
    for name in Settings.model_fields:
        assert flag(name) in help_text


def test_compare_says_what_it_infers_trains_and_recommends(compared: Compared, task: str) -> None:
    output, called = compared
    for said in (
        "recognised train: ",
        "full trains embeddings, layers 1-2 of 2",
        "lora:r=2 trains ",
        "4 runs",
        "[4/4] ",
    ):
        assert said in called.err, said
    summary = read_comparison(output)
    chosen = summary["recommendation"]["strategy"]
    assert f"recommended: {chosen}\n" in called.out
    for reason in summary["recommendation"]["reasons"]:
        assert f"  - {reason}\n" in called.out
    assert f"report: {output / 'report' / 'index.html'}\n" in called.out
    assert called.out.endswith(f"model:  {best_run(output) / 'model'}\n")
    header, rule, *rows = called.out.split("\n\n")[0].splitlines()
    assert header.startswith("strategy") and set(rule) == {"-", " "}
    assert sorted(row.split()[0] for row in rows) == ["full", "lora:r=2"]


def test_evaluate_gives_the_scores_of_the_record(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str
) -> None:
    output, _ = compared
    for folder in find_runs(output):
        record = read_record(folder)
        called = unfreeze_cli("evaluate", folder, "--data", data_folders[task], "--json")
        assert called.code == 0
        found = json.loads(called.out)
        assert found["metrics"] == pytest.approx(record.test, abs=1e-5)
        assert found["breakdown"] == record.breakdown
    best = read_record(best_run(output))
    scores = {"validation": best.validation, "test": best.test, "more": best.tests["more"]}
    more = next(data_folders[task].glob("more.*"))
    for split, expected in scores.items():
        arguments = ("--data", data_folders[task], "--test-file", f"more={more}", "--split", split)
        called = unfreeze_cli("evaluate", output, *arguments)
        printed = dict(line.split() for line in called.out.split("\n\n")[0].splitlines())
        assert {name: float(value) for name, value in printed.items()} == pytest.approx(expected, abs=1e-4)


def test_evaluate_refuses_an_unknown_split(
    unfreeze_cli: Cli, compared: Compared, data_folders: dict[str, Path], task: str
) -> None:
    called = unfreeze_cli("evaluate", compared[0], "--data", data_folders[task], "--split", "dev")
    assert called.code == 2
    assert called.err.splitlines()[-1] == "error: --split dev: this data has train, validation, test."


def test_predict_from_arguments_a_file_and_standard_input(
    unfreeze_cli: Cli, compared: Compared, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, _ = compared
    texts = ["anna saw the happy day", "", "grief and tears in berlin"]
    as_arguments = unfreeze_cli("predict", output, "--", *texts)
    assert as_arguments.code == 0
    rows = [json.loads(line) for line in as_arguments.out.splitlines()]
    assert len(rows) == len(texts)
    if task == "classification":
        assert all(set(row) == {"label", "score"} for row in rows)
    else:
        assert rows[1] == []
        for text, row in zip(texts, rows, strict=True):
            assert all(text[one["start"] : one["end"]] == one["word"] for one in row)
    assert rows == unfreeze.predict(output, texts)

    file = tmp_path / "texts.txt"
    for content in ("\n".join(texts) + "\n", "\r\n".join(texts), "\ufeff" + "\n".join(texts)):
        file.write_bytes(content.encode())
        assert unfreeze_cli("predict", output, "--file", file).out == as_arguments.out
    for arguments in ((), ("--file", "-")):
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(texts) + "\n"))
        assert unfreeze_cli("predict", output, *arguments).out == as_arguments.out
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert unfreeze_cli("predict", output) == type(as_arguments)(0, "", "")


def test_predict_in_portions_keeps_the_order(
    unfreeze_cli: Cli, compared: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"anna saw the house {'a ' * i}\n" for i in range(10)))
    whole = unfreeze_cli("predict", compared[0], "--file", file).out
    monkeypatch.setattr("unfreeze.cli.predict.BATCH_OF_TEXTS", 3)
    portions = unfreeze_cli("predict", compared[0], "--file", file).out
    assert len(whole.splitlines()) == 10
    for one, other in zip(whole.splitlines(), portions.splitlines(), strict=True):
        ours, theirs = json.loads(one), json.loads(other)
        ours, theirs = ([x] if isinstance(x, dict) else x for x in (ours, theirs))
        assert [{**x, "score": round(x["score"], 4)} for x in ours] == [
            {**x, "score": round(x["score"], 4)} for x in theirs
        ]


def test_predict_without_aggregation(unfreeze_cli: Cli, compared: Compared, task: str) -> None:
    called = unfreeze_cli("predict", compared[0], "anna saw karl", "--aggregation-strategy", "none")
    if task != "tagging":
        assert called.code == 2 and f"aggregation_strategy: {task} has no such option" in called.err
        return
    [row] = [json.loads(line) for line in called.out.splitlines()]
    assert row and all("entity" in one and "index" in one for one in row)


def test_runs_lists_every_run(unfreeze_cli: Cli, compared: Compared) -> None:
    output, _ = compared
    called = unfreeze_cli("runs", output)
    lines = called.out.splitlines()
    assert called.code == 0 and len(lines) == 6
    assert "4 of 4 runs to be made" in lines[4] and lines[5].endswith("ended; 4 were made")
    for folder, line in zip(find_runs(output), lines[:4], strict=True):
        record = read_record(folder)
        assert record.selection_metric is not None
        assert line.split() == [
            *("done", record.strategy, "seed", str(record.seed), record.selection_metric),
            *(f"{record.validation[record.selection_metric]:.4f}", str(folder.relative_to(output))),
        ]
    rows = [json.loads(line) for line in unfreeze_cli("runs", output, "--json").out.splitlines()]
    assert rows == read_comparison(output)["runs"]


def test_runs_says_what_did_not_end(unfreeze_cli: Cli, tmp_path: Path) -> None:
    write_record(run_folder(tmp_path, "m", "full", "", 1), RunRecord("full", 1, "m", "classification", "failed"))
    log_event(tmp_path, "begun", cells=3, missing=2)
    log_event(tmp_path, "run finished", run="x", status="failed")
    assert "not ended: 1 were made" in unfreeze_cli("runs", tmp_path).out.splitlines()[-1]
    log_event(tmp_path, "stopped", by="KeyboardInterrupt")
    with (tmp_path / JOURNAL_FILE).open("ab") as stream:
        stream.write(b"{}\n")
    *_, stopped, damaged = unfreeze_cli("runs", tmp_path).out.splitlines()
    assert stopped.endswith("stopped (KeyboardInterrupt); 1 were finished") and damaged.startswith("1 lines")


def test_report_writes_the_page_again(unfreeze_cli: Cli, compared: Compared) -> None:
    output, _ = compared
    page = output / "report" / "index.html"
    page.unlink()
    called = unfreeze_cli("report", output)
    assert (called.code, called.out) == (0, f"{page}\n") and page.is_file()


def test_inspect(unfreeze_cli: Cli, data_folders: dict[str, Path], task: str) -> None:
    called = unfreeze_cli("inspect", "--data", data_folders[task], "--json")
    assert called.code == 0
    summary = json.loads(called.out)
    assert summary["task"] == task
    plain = unfreeze_cli("inspect", "--data", data_folders[task])
    assert plain.code == 0 and f"task: {task}" in plain.out and "recognised train" in plain.out


def test_train_is_one_run_and_takes_the_strategy_of_a_file(
    unfreeze_cli: Cli, data_folders: dict[str, Path], family_folder: Callable[..., str], tmp_path: Path
) -> None:
    config = tmp_path / "settings.yaml"
    values = {
        "model": family_folder("bert"),
        "data": str(data_folders["classification"]),
        "max_steps": 1,
        "speedups": "off",
        "output": str(tmp_path / "out"),
    }
    config.write_text(yaml.safe_dump(values | {"strategy": ["head"]}))
    called = unfreeze_cli("train", "--config", config, "--quiet")
    assert (called.code, called.err) == (0, "")
    [record] = [read_record(folder) for folder in find_runs(tmp_path / "out")]
    assert (record.strategy, record.seed, record.steps) == ("head", 42, 1)

    config.write_text(yaml.safe_dump(values))
    called = unfreeze_cli("train", "--config", config, "--overwrite", "--seed", 7)
    [record] = [read_record(folder) for folder in find_runs(tmp_path / "out")]
    assert (called.code, record.strategy, record.seed) == (0, "full", 7)

    called = unfreeze_cli("train", "--config", config, "--strategy", "full", "--strategy", "head")
    assert called.code == 2 and "train takes one; use compare" in called.err


def test_a_diverged_run_is_said_and_the_exit_code_is_1(
    unfreeze_cli: Cli,
    data_folders: dict[str, Path],
    family_folder: Callable[..., str],
    tmp_path: Path,
) -> None:
    output = tmp_path / "out"
    called = unfreeze_cli(
        *("compare", "--model", family_folder("bert"), "--data", data_folders["classification"]),
        *("--strategy", "full", "--learning-rate", "1e30", "--max-grad-norm", 0, "--warmup-steps", 0),
        *("--epochs", 3, "--seeds", 1, "--no-plan", "--speedups", "off", "--output", output),
    )
    assert called.code == 1
    assert "full seed 42: diverged: step " in called.err and "Traceback" not in called.err
    assert "recommended:" not in called.out and "model:" not in called.out
    assert (output / "report" / "index.html").is_file()
    assert unfreeze_cli("runs", output).out.startswith("diverged")
    called = unfreeze_cli("predict", output, "a text")
    assert called.code == 2 and "no model found" in called.err


def test_print_config_round_trips(unfreeze_cli: Cli, tmp_path: Path) -> None:
    defaults = unfreeze_cli("compare", "--print-config")
    assert defaults.code == 0 and list(yaml.safe_load(defaults.out)) == list(Settings.model_fields)
    flags = (
        "--model",
        "m",
        "--strategy",
        "lora:r=4+freeze:first=1",
        "--early-stopping-patience",
        "none",
        "--epochs",
        "2",
    )
    printed = unfreeze_cli("compare", *flags, "--speedups", "off", "--lower-case", "--print-config").out
    values = yaml.safe_load(printed)
    assert values["early_stopping_patience"] is None and values["epochs"] == 2 and values["lower_case"] is True
    config = tmp_path / "settings.yaml"
    config.write_text(printed)
    assert unfreeze_cli("compare", "--config", config, "--print-config").out == printed


def test_flags_override_the_file(unfreeze_cli: Cli, tmp_path: Path) -> None:
    """Also where the file calls a setting by another name."""
    config = tmp_path / "settings.yaml"
    config.write_text("num-train-epochs: 9\nstrategy: [full, head]\nlower_case: true\nmax_length: 64\n")
    flags = ("--epochs", "2", "--strategy", "lora", "--no-lower-case")
    called = unfreeze_cli("compare", "--config", config, *flags, "--print-config")
    values = yaml.safe_load(called.out)
    assert (values["epochs"], values["strategy"], values["lower_case"], values["max_length"]) == (
        2,
        ["lora"],
        False,
        64,
    )


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_every_command_lets_flags_override_the_file(unfreeze_cli: Cli, tmp_path: Path, command: str) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("num-train-epochs: 9\nmodel: a\nmax-length: 64\ndata: b\n")
    nowhere = tmp_path / "nowhere.txt"
    called = unfreeze_cli(command, "--config", config, "--epochs", 2, "--max_length", 32, "--data", nowhere)
    assert called.code == 2 and "does not exist" in called.err and "twice" not in called.err


def test_aliases_are_flags_too(unfreeze_cli: Cli) -> None:
    called = unfreeze_cli(
        "compare", "--model_name_or_path".replace("_", "-"), "m", "--batch-size", "4", "--print-config"
    )
    values = yaml.safe_load(called.out)
    assert (values["model"], values["per_device_train_batch_size"]) == (["m"], 4)


def test_flags_are_known_with_underscores_too(unfreeze_cli: Cli) -> None:
    flags = ("--num_train_epochs", "4", "--per_device_train_batch_size=8", "--no_lr_search", "--text_column=a_b")
    called = unfreeze_cli("compare", *flags, "--metric-for_best_model", "x_y", "--print-config")
    values = yaml.safe_load(called.out)
    names = ("epochs", "per_device_train_batch_size", "lr_search", "text_column", "metric_for_best_model")
    assert [values[name] for name in names] == [4, 8, False, "a_b", "x_y"]
    wrong = unfreeze_cli("compare", "--learning_rte", 1)
    assert (wrong.code, "unknown argument --learning_rte 1; did you mean --learning-rate?" in wrong.err) == (2, True)
    parsed = build_parser(["predict"])[0].parse_args(["predict", "--top_k", "2", "m", "--", "--top_k"])
    assert (parsed.top_k, parsed.texts) == (2, ["--top_k"])  # behind -- stand texts


def test_texts_and_models_may_stand_on_both_sides_of_a_flag(unfreeze_cli: Cli) -> None:
    parser = build_parser(["predict", "speed"])[0]
    parsed = parser.parse_args(["predict", "m", "--top-k", "2", "one", "two"])
    assert (parsed.model_folder, parsed.top_k, parsed.texts) == ("m", 2, ["one", "two"])
    assert parser.parse_args(["predict", "m", "one", "--top-k", "2", "two"]).texts == ["one", "two"]
    assert parser.parse_args(["speed", "a", "--threads", "1", "b"]).models == ["a", "b"]
    wrong = unfreeze_cli("predict", "m", "--top-j", "2", "one")
    assert (wrong.code, "unknown argument --top-j 2 one; did you mean --top-k?" in wrong.err) == (2, True)


def test_translated_names_are_said_wherever_they_stand(unfreeze_cli: Cli, tmp_path: Path) -> None:
    said = "--num-train-epochs is called --epochs here"
    data = ("inspect", "--data", "sample:pos")
    assert "--text-column-name is called --text-column here" in unfreeze_cli(*data, "--text-column-name", "w").err
    config = tmp_path / "settings.yaml"
    config.write_text("num_train_epochs: 9\n")
    assert said in unfreeze_cli(*data, "--config", config).err
    config.write_text("num_train_epochs: 9\nepochs: 2\n")
    twice = unfreeze_cli("compare", "--config", config, "--print-config")
    assert (twice.code, twice.err) == (2, "error: --epochs: is given twice, under two names.\n")
    twice = unfreeze_cli("compare", "--epochs", 2, "--num-train-epochs", 3, "--print-config")
    assert (twice.code, twice.err) == (2, "error: --epochs: is given twice, under two names.\n")
    assert "also --num-train-epochs" in unfreeze_cli("compare", "--help").out
