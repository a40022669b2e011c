"""What the completion scripts answer, in real shells where they are installed; and the examples of each help."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.cli.completion import SHELLS
from unfreeze.cli.completion_words import commands
from unfreeze.cli.flags import sections
from unfreeze.cli.parsers import COMMANDS, EXAMPLES, build_parser
from unfreeze.data.bundled import PREFIX, sample_names
from unfreeze.experiments.trackers import TRACKERS
from unfreeze.settings import Settings, flag
from unfreeze.strategies import STRATEGIES

LINES = {
    "unfreeze comp": {"compare", "completion"},
    "unfreeze compare --strat": {"--strategy"},
    "unfreeze compare --strategy ": set(STRATEGIES),
    "unfreeze compare --strategy l": {"lora", "llrd", "layernorm"},
    "unfreeze train --data sample:em": {"sample:emotion"},
    "unfreeze compare --quiet --task ques": {"question-answering"},
    "unfreeze export --format ": {"merged", "onnx", "onnx-int8"},
    "unfreeze predict --precision ": {"fp32", "bf16"},
    "unfreeze completion ": set(SHELLS),
    "unfreeze plan --train-file my": {"my train.csv"},
    "unfreeze predict my": {"my train.csv"},
}


@pytest.fixture(scope="module")
def scripts(unfreeze_cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, found = tmp_path_factory.mktemp("completion"), {}
    for shell in SHELLS:
        called = unfreeze_cli("completion", shell)
        assert (called.code, called.err) == (0, "")
        found[shell] = folder / f"unfreeze.{shell}"
        found[shell].write_text(called.out, encoding="utf-8")
    (folder / "my train.csv").touch()
    return found


def run(shell: str, script: Path, text: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([path, "-c", text], cwd=script.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("line", LINES)
def test_bash(scripts: dict[str, Path], line: str) -> None:
    ask = f"""source {scripts["bash"]}; complete -p unfreeze
COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}; compopt() {{ :; }}; _unfreeze
printf '%s\\n' "${{COMPREPLY[@]}}" """
    registered, *answers = run("bash", scripts["bash"], ask).splitlines()
    assert registered.endswith("-F _unfreeze unfreeze")
    # Of a word with a colon bash has taken the beginning for done.
    assert {*answers} == {word.removeprefix("sample:") for word in LINES[line]}


@pytest.mark.parametrize("line", LINES)
def test_fish(scripts: dict[str, Path], line: str) -> None:
    answers = run("fish", scripts["fish"], f"source {scripts['fish']}; complete -C {shlex.quote(line)}").splitlines()
    words = {one.split("\t")[0].replace("\\ ", " ") for one in answers}
    assert LINES[line] <= words and len(words) < len(LINES[line]) + 3


def test_zsh_reads_its_script(scripts: dict[str, Path]) -> None:
    run("zsh", scripts["zsh"], f"zsh -n {scripts['zsh']}")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_flag_of_every_command_is_in_the_script(scripts: dict[str, Path], shell: str) -> None:
    text = scripts[shell].read_text(encoding="utf-8")
    for command in commands():
        for one in command.flags:
            for name in one.names:
                assert f"-l {name[2:]} " in text if shell == "fish" else name in text
    assert "--text-column-name" not in text  # names of other programs are understood and not offered


def test_the_words_are_those_that_are_accepted() -> None:
    [compare] = [one for one in commands() if one.name == "compare"]
    values = {one.names[0]: one.values for one in compare.flags}
    assert set(values["--data"] or ()) == {PREFIX + name for name in [*sample_names(), "docstrings"]}
    assert set(values["--report-to"] or ()) == {*TRACKERS, "none"}
    assert set(values["--strategy"] or ()) == set(STRATEGIES)
    for name in ("model", "speedups", "class_weights", "report_to", "task", "format", "precision"):
        for word in values[flag(name)] or ():
            value = "unpad+cache" if word == "cache" else word
            assert Settings(**{name: value})


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_costs_neither_torch_nor_transformers(shell: str) -> None:
    code = "import sys; from unfreeze.cli import main; main(['completion', sys.argv[1]]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, shell], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "datasets", "rich"} & set(done.stdout.splitlines()[-1].split())


def test_the_shell_has_to_be_known(unfreeze_cli: Callable[..., Any]) -> None:
    called = unfreeze_cli("completion", "powershell")
    assert called.code == 2 and "'powershell'" in called.err and "Traceback" not in called.err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_each_help_are_read(unfreeze_cli: Callable[..., Any], command: str) -> None:
    from importlib import import_module

    examples = import_module(COMMANDS[command][0]).EXAMPLES
    assert 1 <= len(examples) <= 3
    shown = unfreeze_cli(command, "--help").out
    for line in examples:
        assert f"\n  {line}\n" in shown
        assert _read(line).command == command
    assert shown.startswith(f"usage: unfreeze {command} ")


def test_the_examples_of_the_program_are_read(unfreeze_cli: Callable[..., Any]) -> None:
    shown = unfreeze_cli("--help").out
    for line in EXAMPLES:
        assert f"\n  {line}\n" in shown and _read(line).command


def _read(line: str) -> Any:
    program, *words = shlex.split(line)
    assert program == "unfreeze"
    if ">" in words:  # what the shell reads
        words = words[: words.index(">")]
    options = build_parser([words[0]])[0].parse_args(words)
    named = {name: value for name, value in vars(options).items() if name in Settings.model_fields}
    Settings(**{name: value for name, value in named.items() if value is not None})
    return options


def test_the_settings_stand_in_sections(unfreeze_cli: Callable[..., Any]) -> None:
    shown = unfreeze_cli("compare", "--help").out
    at = [shown.index(f"\n{section}:\n") for section in dict.fromkeys(sections().values())]
    assert at == sorted(at) and len(at) >= 8
    assert all(sections().values())
