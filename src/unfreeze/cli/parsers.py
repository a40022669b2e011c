"""The commands and their parsers. What a command needs is loaded only when its parser is built."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any, NoReturn

# Command to (module, one line of help). The module's `add_arguments`, `call` and `EXAMPLES` do the rest.
COMMANDS = {
    "compare": ("unfreeze.cli.compare", "train several strategies on your data, compare them, recommend one"),
    "train": ("unfreeze.cli.train", "train one strategy with one seed"),
    "pretrain": ("unfreeze.cli.pretrain", "adapt an encoder to plain text, or train one from scratch"),
    "plan": ("unfreeze.cli.plan", "say what a comparison will take, from a few steps of each strategy"),
    "distill": ("unfreeze.cli.distill", "teach a smaller network what a trained one answers"),
    "verify": ("unfreeze.cli.verify", "does the fast path follow the stock Trainer on your model and data?"),
    "evaluate": ("unfreeze.cli.evaluate", "score a trained model on labelled data"),
    "predict": ("unfreeze.cli.predict", "label texts with a trained model"),
    "export": ("unfreeze.cli.export", "write a trained model merged, as ONNX or in 8 bits, checked against it"),
    "speed": ("unfreeze.cli.speed", "time how fast models answer here, with their scores beside it"),
    "serve": ("unfreeze.cli.serve", "answer requests over HTTP with trained models, with a page to try them"),
    "inspect": ("unfreeze.cli.inspect", "check data, or see what each strategy does to a model, before any training"),
    "report": ("unfreeze.cli.report", "write the tables, figures and HTML of a comparison again"),
    "runs": ("unfreeze.cli.runs", "list the runs of a comparison"),
    "completion": ("unfreeze.cli.completion", "print what completes these commands in your shell"),
}

EXAMPLES = (
    "unfreeze compare --model minilm --data sample:emotion",
    "unfreeze compare --model bert-base-cased --data my-folder --strategy full --strategy lora:r=16 --seeds 3",
    'unfreeze predict unfreeze-sample-emotion "nobody remembered, again"',
)
MOST_IN_USAGE = 12  # flags; of a command with more the usage names what it must have


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, not below a screenful of flags, and names the nearest flag."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Flags are known with underscores as well, as scripts of transformers spell them: `--num_train_epochs`. Where
        any number of words is taken, they may stand on both sides of a flag."""
        words = list(sys.argv[1:] if args is None else args)
        last = words.index("--") if "--" in words else len(words)  # behind it are no flags
        found, unknown = super().parse_known_args([*map(self._spelled, words[:last]), *words[last:]], namespace)
        many = next((one for one in self._actions if not one.option_strings and one.nargs in ("*", "+")), None)
        if many is not None and not any(word.startswith("-") for word in unknown):
            setattr(found, many.dest, [*getattr(found, many.dest), *unknown])
            unknown = []
        return found, unknown

    def _spelled(self, word: str) -> str:
        name, equals, value = word.partition("=")
        hyphens = name.replace("_", "-")
        return f"{hyphens}{equals}{value}" if hyphens in self._option_string_actions else word

    def error(self, message: str) -> NoReturn:
        from unfreeze.cli.terminal import print_error

        ended = message if message.endswith("?") else f"{message.removesuffix('.')}."
        print_error(f"{ended} `{self.prog} --help` lists what there is.")
        raise SystemExit(2)

    def refuse_unknown(self, unknown: Sequence[str]) -> None:
        """Stop if there are arguments that no flag takes."""
        if unknown:
            written = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(written, self._option_string_actions, n=1)
            self.error(f"unknown argument {' '.join(unknown)}" + (f"; did you mean {near[0]}?" if near else ""))

    def format_usage_shortly(self) -> None:
        """With very many flags, only those that must be given; the help lists the others in their sections."""
        flags = [one for one in self._actions if one.option_strings]
        if len(flags) > MOST_IN_USAGE:
            formatter = self._get_formatter()
            kept = [one for one in self._actions if one.required or not one.option_strings]
            formatter.add_usage(None, kept, [], prefix="")
            self.usage = " ".join([*formatter.format_help().split(), "[flags]"]).replace("%", "%%")


def build_parser(loaded: Collection[str]) -> tuple[OneLineParser, dict[str, OneLineParser]]:
    """The parser of the program and those of its commands; only the `loaded` commands know their arguments."""
    parser = OneLineParser(
        prog="unfreeze",
        description="Find out how much of a pretrained encoder you need to fine-tune.",
        epilog=_epilog(EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands: dict[str, OneLineParser] = {}
    for name, (module, help_line) in COMMANDS.items():
        commands[name] = subparsers.add_parser(
            name, help=help_line, description=help_line, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name in loaded:
            command = import_module(module)
            command.add_arguments(commands[name])
            commands[name].epilog = _epilog(command.EXAMPLES)
            commands[name].format_usage_shortly()
    return parser, commands


def _epilog(examples: Sequence[str]) -> str:
    return "\n".join(["examples:", *(f"  {line}" for line in examples)]).replace("%", "%%")
