"""A user's mistake is one line that says what to do, exit code 2, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "--model", "m"], "error: no training data is named. Pass --data"),
        (["compare", "--data", "sample:emotion"], "error: --model: missing"),
        (["compare", "--model", "./none", "--data", "sample:emotion"], "error: --model ./none: no such folder"),
        (["compare", "--model", "m", "--data", "sample:emotions"], "sample:emotion"),
        (
            ["compare", "--model", "m", "--data", "./none.csv"],
            "error: none.csv: this data file or folder does not exist",
        ),
        (["compare", "--seeds", "0"], "error: --seeds 0: "),
        (["compare", "--strategy", "loar"], "error: --strategy loar: unknown strategy 'loar'. Did you mean lora?"),
        (["compare", "--lerning-rate", "1"], "error: unknown argument --lerning-rate 1; did you mean --learning-rate?"),
        (["compare", "--seed", "1", "--seed", "2"], "error: --seed 2: was given as 1 before. Give it once. `un"),
        (
            ["pretrain", "--tokenizer", "bpe", "--tokenizer", "wordpiece"],
            "error: --tokenizer wordpiece: was given as bpe",
        ),
        (
            ["pretrain", "--hidden-size", "32", "--hidden-size", "64"],
            "error: --hidden-size 64: was given as 32 before.",
        ),
        (["pretrain", "--objective", "mlm", "--objective", "rtd"], "error: --objective rtd: was given as mlm before."),
        (["pretrain", "--from-scratch", "bert", "--from-scratch", "mpnet"], "--from-scratch mpnet: was given as bert"),
        (["compare", "--epochs"], "error: argument --epochs: expected one argument"),
        (["compare", "--config", "none.yaml"], "error: --config none.yaml: cannot be read"),
        (["train", "--strategy", "freeze:first=0..2"], "error: --strategy freeze:first=0..2: train takes one"),
        (["comparison"], "error: argument COMMAND: invalid choice: 'comparison'"),
        (["predict"], "error: the following arguments are required: MODEL"),
        (["predict", "none", "text"], "error: none: no model found"),
        (["predict", "none", "text", "--file", "f"], "error: --file: give texts or a file, not both"),
        (["predict", "none", "text", "--top-k", "0"], "error: --top-k 0: expected a number of answers, at least 1"),
        (["evaluate", "none", "--data", "sample:emotion"], "error: none: no model found"),
        (["runs", "none"], "error: none: no runs recorded there"),
        (["report", "none"], "error: none: no comparison.json there"),
        (["inspect"], "error: no training data is named"),
        (["inspect", "--data", "sample:emotion", "--validation-fraction", "2"], "error: --validation-fraction 2: "),
    ],
)
def test_one_line_and_exit_code_2(unfreeze_cli: Cli, arguments: list[str], says: str, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    called = unfreeze_cli(*arguments)
    assert called.code == 2 and called.out == ""
    errors = [line for line in called.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and says in errors[0], called.err
    assert called.err.splitlines()[-1] == errors[0]
    assert list(tmp_path.iterdir()) == []


def test_several_mistakes_are_a_line_each(unfreeze_cli: Cli) -> None:
    called = unfreeze_cli("compare", "--seeds", "x", "--strategy", "a", "--strategy", "b", "--max-length", "1")
    assert called.code == 2
    assert [line.split()[1] for line in called.err.splitlines()] == [
        "--strategy",
        "--strategy",
        "--seeds",
        "--max-length",
    ]


def test_what_does_not_fit_the_model_is_said_with_the_rest(
    unfreeze_cli: Cli, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    """Settings stop a command before its data are read; the strategies that can be read are held against the model."""
    called = unfreeze_cli(
        *("compare", "--model", family_folder("bert"), "--model", tmp_path / "none", "--data", "sample:emotion"),
        *("--strategy", "fulll", "--strategy", "freeze:first=1..4", "--strategy", "lora+bitfit"),
        *("--budget", "epochs=0"),
    )
    assert called.code == 2
    lines = [line.removeprefix("error: ") for line in called.err.splitlines()]
    assert "Did you mean full?" in lines[0] and lines[1].startswith("--budget epochs=0")
    assert [line.partition(":")[0] + line.partition(":")[2].partition(":")[0] for line in lines[2:4]] == [
        "freezefirst=3",
        "freezefirst=4",
    ]
    assert "no such folder" in lines[4] and len(lines) == 5


def test_what_does_not_fit_the_model_is_said_with_faults_of_the_data(
    unfreeze_cli: Cli, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    model = ("--model", family_folder("bert"), "--model", "some/hub-id")
    called = unfreeze_cli("compare", *model, "--data", tmp_path / "none.csv", "--strategy", "freeze:first=9")
    assert called.code == 2
    first, second = called.err.splitlines()[-2:]
    assert "none.csv: this data file or folder does not exist" in first
    assert second.startswith("error: freeze:first=9: this encoder has 2 layers")


def test_mistakes_in_data_are_a_line_each(unfreeze_cli: Cli, tmp_path: Path) -> None:
    files = [tmp_path / "train.jsonl", tmp_path / "validation.jsonl"]
    for file in files:
        file.write_text('{"text": "a", "label": "x"}\n{"text": \n')
    called = unfreeze_cli("inspect", "--train-file", files[0], "--validation-file", files[1])
    assert called.code == 2
    for file, line in zip(files, called.err.splitlines()[-2:], strict=True):
        assert line.startswith(f"error: {file}:2: ")


def test_what_data_holds_cannot_drive_the_terminal(unfreeze_cli: Cli, tmp_path: Path) -> None:
    called = unfreeze_cli("inspect", "--data", tmp_path / "a\x1b[31mb.csv")
    assert called.code == 2 and "\x1b" not in called.err and "\\x1b[31m" in called.err


def test_an_interrupt_is_exit_code_130(unfreeze_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unfreeze.data.sources.load_corpus", interrupted)
    called = unfreeze_cli("inspect", "--data", "sample:emotion")
    assert (called.code, called.err) == (130, "error: interrupted\n")


# In processes of their own, as a shell starts them.


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_help_loads_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from unfreeze.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    for arguments in (["--help"], ["compare", "--help"], ["compare", "--print-config"], ["runs", "--help"]):
        done = program("-c", code, *arguments)
        assert done.returncode == 0 and done.stdout
        assert not {"torch", "transformers", "peft", "datasets", "matplotlib"} & set(done.stderr.split())


def test_the_program_as_a_module(tmp_path: Path) -> None:
    done = program("-m", "unfreeze", "compare", "--seeds", "0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --seeds 0: ") and len(done.stderr.splitlines()) == 1


def test_inspect_as_a_program(tmp_path: Path) -> None:
    done = program("-m", "unfreeze", "inspect", "--data", "sample:ner", cwd=tmp_path)
    assert done.returncode == 0 and "task: tagging" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-W", "error", "-m", "unfreeze", "inspect", "--data", "sample:ner"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    os.close(write)
    assert done.returncode == 0 and "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
