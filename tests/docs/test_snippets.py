"""Every snippet of README and docs is run, with a tiny model and little data, or at least parsed.

A page's blocks run in order in one folder, in which `minilm` and hub ids are a tiny random network and `my-folder`,
`train.csv`, `test.csv` and `corpus.txt` are small. What a block is follows from its language and its lines; where that
is not enough a comment above it says so:

    <!-- snippet: file NAME -->      the block is this file, for the commands below it
    <!-- snippet: output -->         the command above prints these lines (`...` stands for any)
    <!-- snippet: fails -->          the command ends with exit code 2
    <!-- snippet: parse, REASON -->  it cannot run here: it is parsed only
    <!-- snippet: from FILE -->      output that was made elsewhere: each line of it stands in that file
    <!-- snippet: paths -->          each line begins with a path of the project

A block that is neither of these nor what a command above it printed fails the test.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from unfreeze.cli import COMMANDS, main
from unfreeze.cli.flags import settings_from
from unfreeze.cli.parsers import OneLineParser
from unfreeze.settings import Settings, read_config_file, read_settings

ROOT = Path(__file__).parents[2]
GENERATED_OR_HISTORY = ("log.md", "api.md", "strategies.md")
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if path.name not in GENERATED_OR_HISTORY and path.parent.name != "decisions"
}
# Whole pages that are parsed only, and why.
PARSED = {
    "docs/serving.md": "a server",
}
# What a page's commands need beyond the package.
NEEDS = {"docs/inference.md": "onnxruntime", "docs/scaling.md": "ray", "docs/trackers.md": "tensorboard"}
FAST = ("docs/data-formats.md", "CONTRIBUTING.md")
TRAINING = ("compare", "train", "pretrain", "plan", "verify")  # `distill` takes its settings from the folder
# For whatever a snippet does not say itself. `jobs: null` is: in this process.
SMALL: dict[str, Any] = {
    "max_train_samples": 16, "max_eval_samples": 12, "epochs": 1, "seeds": 1, "jobs": None, "plan": False,
    "precision": "fp32", "per_device_train_batch_size": 8, "max_length": 48, "doc_stride": 8,
}  # fmt: skip
DIRECTIVES = ("", "file", "output", "fails", "from", "paths", "parse,")
SHELL = ("unfreeze", "make", "pip", "python", "torchrun", "accelerate", "curl", "tensorboard", "ray", "export")
OTHERS_FLAGS = {"--version", *re.findall(r"--[a-z-]+", "".join(f.read_text() for f in ROOT.glob("benchmarks/*.py")))}


@dataclass
class Block:
    """One fenced block: where it is, what its fence and the comment above it say, and its lines."""

    page: str
    line: int
    language: str
    directive: str
    lines: list[str] = field(default_factory=list)
    follows_output: bool = False  # directly below a block of shell lines

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def kind(self) -> str:
        """`file`, `output`, `from`, `paths`, `python`, `shell`, or `unknown`."""
        word = self.directive.split(" ")[0]
        if word in ("file", "output", "from", "paths"):
            return word
        if self.language == "python":
            return "python"
        if self.language in ("sh", "") and self.commands:
            return "shell"
        return "output" if self.language in ("text", "") and self.follows_output else "unknown"

    @property
    def commands(self) -> list[list[str]]:
        """The words of each shell line, or of the line behind `$ ` where output follows in the same block."""
        lines = "\n".join(self.lines).replace("\\\n", " ").split("\n")
        if lines[0].startswith("$ "):
            lines = [lines[0][2:]]
        words = [shlex.split(line, comments=True) for line in lines if line.strip()]
        found = [line for line in words if line]
        return found if all(program(line) in SHELL for line in found) else []

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def program(words: list[str]) -> str:
    return next((word for word in words if "=" not in word), "")


def blocks_of(name: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    inside: Block | None = None
    directive, between = "", ""
    for number, line in enumerate(PAGES[name].read_text().splitlines(), start=1):
        if line.lstrip().startswith("```"):
            assert line.startswith("```"), f"{name}:{number}: a fence is indented"
            if inside is not None:
                found.append(inside)
                inside, directive, between = None, "", ""
            else:
                inside = Block(name, number, line.removeprefix("```").strip(), directive)
                inside.follows_output = bool(found) and found[-1].kind == "shell" and not between
        elif inside is not None:
            inside.lines.append(line)
        elif said := re.fullmatch(r"<!-- snippet: (.*) -->", line):
            directive = said[1]
        else:
            between += line.strip()
            directive = "" if line.strip() else directive
    assert inside is None, f"{name}: a fence is not closed"
    return found


@cache
def parser_of(command: str) -> argparse.ArgumentParser:
    parser = OneLineParser(prog=command)
    import_module(COMMANDS[command][0]).add_arguments(parser)
    return parser


def parse_command(words: list[str], block: Block) -> None:
    """Refuse a shell line with a command, flag, value, target, extra or file that there is not."""
    words = [word for word in words if word != "..."]
    name, arguments = program(words), words[words.index(program(words)) + 1 :]
    if name in ("torchrun", "accelerate"):
        assert "-m" in arguments and arguments[arguments.index("-m") + 1] == "unfreeze", f"{block}: {words}"
        name, arguments = "unfreeze", arguments[arguments.index("-m") + 2 :]
    if name == "unfreeze":
        parse_unfreeze(arguments, block)
    elif name == "make":
        assert all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in arguments), f"{block}: {words}"
    elif name == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        named = re.findall(r"\[(.*?)\]", " ".join(arguments))
        assert set(",".join(named).split(",")) - {""} <= extras.keys(), f"{block}: {words}"
    elif name == "python" and arguments[:1] == ["-m"]:
        assert (ROOT / "src" / f"{arguments[1].replace('.', '/')}.py").exists() or arguments[1] == "soak", str(block)
    elif name == "python":
        script = (ROOT / arguments[0]).read_text()
        assert all(word in script for word in arguments if word.startswith("--")), f"{block}: {words}"


def parse_unfreeze(arguments: list[str], block: Block) -> None:
    command, rest = arguments[0], arguments[1:]
    if command in ("--help", "--version"):
        return
    assert command in COMMANDS, f"{block}: there is no command {command!r}"
    try:
        options = parser_of(command).parse_args([word for word in rest if word not in (">", "|")])
    except SystemExit:
        pytest.fail(f"{block}: unfreeze {shlex.join(arguments)} is not understood")
    if "config" in vars(options) and options.config is None:
        settings_from(options)  # SettingsError names a value that is wrong


@pytest.mark.parametrize("name", PAGES)
def test_every_block_is_known_and_parses(name: str) -> None:
    for block in blocks_of(name):
        assert block.kind != "unknown", f"{block}: neither run nor parsed. Name its language, or what it is above it."
        if block.kind == "python":
            ast.parse(block.text, str(block))
        elif block.kind == "shell" and block.directive != "fails":
            for words in block.commands:
                parse_command(words, block)
        elif block.kind == "from":
            lines = (ROOT / block.directive.split()[1]).read_text().splitlines()
            assert [line for line in block.lines if line not in lines] == [], block
        elif block.kind == "paths":
            assert [line for line in block.lines if not (ROOT / line.split()[0]).exists()] == [], block
        if block.language == "yaml":
            read_settings(yaml.safe_load(block.text))


@pytest.mark.parametrize("name", PAGES)
def test_flags_and_commands_named_in_the_text_exist(name: str) -> None:
    prose = re.sub(r"```.*?```", "", PAGES[name].read_text(), flags=re.S)
    known = {flag for command in COMMANDS for flag in parser_of(command)._option_string_actions} | OTHERS_FLAGS
    for span in re.findall(r"`([^`\n]+)`", prose):
        if span.startswith("unfreeze "):
            assert span.split()[1] in {*COMMANDS, "--help", "--version"}, f"{name}: `{span}`"
        if span.startswith(("unfreeze ", "--")):
            unknown = {word.partition("=")[0] for word in span.split() if word.startswith("--")} - known
            assert not unknown, f"{name}: `{span}`"


class Place:
    """A folder in which the snippets of a page run, and what they have defined so far."""

    def __init__(self, folder: Path, minilm: Path) -> None:
        self.folder = folder
        self.minilm = minilm
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""

    def run(self, block: Block) -> None:
        if block.kind == "file":
            path = Path(block.directive.split()[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.kind == "output" and block.directive == "output":
            check_output(block, self.printed)
        elif block.kind == "python":
            code = block.text.replace('"minilm"', repr(str(self.minilm)))
            with self.caught():
                exec(compile("\n" * block.line + code, PAGES[block.page], "exec"), self.names)
        elif block.kind == "shell":
            self.printed = "".join(self.call(words, block) for words in block.commands)

    def call(self, words: list[str], block: Block) -> str:
        """What one line prints, results and notes in their order."""
        if words[0] != "unfreeze" or words[1] == "serve":  # which would not end
            return ""  # it is parsed
        arguments = [str(self.minilm) if word == "minilm" else word for word in words[1:]]
        if arguments[0] in TRAINING and "--resume" not in arguments:
            arguments = self.in_small(arguments)
        if arguments[0] == "speed":
            arguments += ["--rounds", "1", "--requests", "4"]
        with self.caught() as printed:
            try:
                code = main(arguments)
            except SystemExit as stop:
                code = int(stop.code or 0)
        expected = 2 if block.directive == "fails" else 0
        assert code == expected, f"{block}: {shlex.join(words)} ended with {code}:\n{printed.getvalue()}"
        return printed.getvalue()

    def in_small(self, arguments: list[str]) -> list[str]:
        """The same with `SMALL` for what neither flags nor the file of `--config` say."""
        said: dict[str, Any] = {}
        if "--config" in arguments:
            place = arguments.index("--config")
            said = read_config_file(Path(arguments[place + 1]))
            arguments = arguments[:place] + arguments[place + 2 :]
        values = SMALL | ({"lr_search_factors": [1, 3]} if "--lr-search" in arguments else {})
        if "--budget" in arguments:
            del values["epochs"]
        Path("small.yaml").write_text(yaml.safe_dump(values | said))
        return [*arguments, "--config", "small.yaml"]

    @contextlib.contextmanager
    def caught(self) -> Iterator[io.StringIO]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield printed


def check_output(block: Block, printed: str) -> None:
    """The lines of a block stand in what was printed, in order; `...` stands for any lines."""
    rest = printed
    for part in re.split(r"(?m)^\.\.\.\n", block.text):
        assert part in rest, f"{block}: not printed:\n{part}\nbut:\n{printed}"
        rest = rest[rest.index(part) + len(part) :]


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    family_folder: Callable[..., str],
    make_examples_of: Callable[..., Any],
) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    for hub_id in ("minilm", "bert-base-cased", "distilbert-base-cased"):
        (tmp_path / hub_id).symlink_to(family_folder("bert", 6), target_is_directory=True)
    Path("my-folder").mkdir()
    for seed, (split, size) in enumerate({"train": 45, "validation": 12, "test": 12}.items()):
        rows = "".join(f'"{one.text}",{one.label}\n' for one in make_examples_of("classification", size, seed))
        for path in (Path("my-folder", f"{split}.csv"), Path(f"{split}.csv")):
            path.write_text(f"text,label\n{rows}")
    passages = [one.text for one in make_examples_of("masked-lm", 40)]
    Path("corpus.txt").write_text("\n\n".join(passages) + "\n")
    return Place(tmp_path, tmp_path / "minilm")


RUN = [
    name if name in FAST else pytest.param(name, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])
    for name in PAGES
    if name not in PARSED and any(block.kind in ("python", "shell") for block in blocks_of(name))
]


@pytest.mark.parametrize("name", RUN)
def test_the_snippets_of_a_page_run(name: str, place: Place) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    for block in blocks_of(name):
        if not block.directive.startswith("parse"):
            place.run(block)


def test_what_is_parsed_only_says_why() -> None:
    assert {*PARSED, *FAST} <= PAGES.keys() and SMALL.keys() <= Settings.model_fields.keys()
    for name in PAGES:
        for block in blocks_of(name):
            assert block.directive.split(" ")[0] in ("", "file", "output", "fails", "from", "paths", "parse,"), str(
                block
            )
            assert "parse" not in block.directive or len(block.directive) > len("parse, "), str(block)
