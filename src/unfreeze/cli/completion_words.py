"""What can be completed: the commands, their flags, and the words that a flag or an argument may be followed by."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from unfreeze.cli.parsers import COMMANDS, build_parser

# Settings whose values are checked later, so that argparse does not know what they may be.
FILES = frozenset(
    {"data", "train_file", "validation_file", "test_file", "model", "output", "config", "resume", "teacher"}
    | {"file", "text_file", "json_file", "output_folder", "model_folder", "models"}
)


@dataclass(frozen=True)
class Argument:
    """A flag, or with an empty name an argument without one; `values` is None if nothing follows it."""

    names: tuple[str, ...]
    help: str
    values: tuple[str, ...] | None
    files: bool
    repeats: bool


@dataclass(frozen=True)
class Command:
    """A command with its flags, and what may stand in the place of its arguments."""

    name: str
    help: str
    flags: tuple[Argument, ...]
    arguments: tuple[Argument, ...]


def commands() -> list[Command]:
    """Every command, from the parsers that read them."""
    _, parsers = build_parser(COMMANDS)
    known = _known_values()
    found = []
    for name, (_, help_line) in COMMANDS.items():
        # Flags that are only kept for those who know them by other names are not offered.
        offered = [action for action in parsers[name]._actions if action.help != argparse.SUPPRESS]
        all_of_it = [_argument(action, known) for action in offered]
        flags = tuple(one for one in all_of_it if one.names)
        found.append(Command(name, help_line, flags, tuple(one for one in all_of_it if not one.names)))
    return found


def _argument(action: argparse.Action, known: dict[str, tuple[str, ...]]) -> Argument:
    values: tuple[str, ...] | None = None
    if action.nargs != 0:
        written = str(action.metavar) if isinstance(action.metavar, str) and "|" in action.metavar else ""
        values = tuple(map(str, action.choices or ())) or tuple(filter(None, written.split("|")))
        values = values or known.get(action.dest, ())
    repeats = isinstance(action, argparse._AppendAction) or action.nargs in ("*", "+")
    shown = (action.help or "").replace("%%", "%")
    files = values is not None and (action.dest in FILES or action.type is Path)
    names = tuple(name for name in action.option_strings if name.startswith("--"))
    return Argument(names, shown, values, files, repeats)


def _known_values() -> dict[str, tuple[str, ...]]:
    from unfreeze.data.bundled import PREFIX, sample_names
    from unfreeze.data.docstrings import NAME
    from unfreeze.data.readers import FORMATS
    from unfreeze.experiments.trackers import TRACKERS
    from unfreeze.models.scratch import TokenizerKind
    from unfreeze.settings.budget import BudgetKind
    from unfreeze.settings.levers import LEVERS
    from unfreeze.strategies import STRATEGIES
    from unfreeze.tasks import SHORT_NAMES

    return {
        "strategy": tuple(STRATEGIES),
        "model": ("minilm",),
        "data": tuple(f"{PREFIX}{name}" for name in (*sample_names(), NAME)),
        "format": tuple(FORMATS),
        "speedups": ("on", "off", *LEVERS),
        "report_to": (*TRACKERS, "none"),
        "budget": tuple(f"{kind}=" for kind in get_args(BudgetKind)),
        "class_weights": ("none", "balanced"),
        "split": ("train", "validation", "test"),
        "objective": tuple(SHORT_NAMES),
        "tokenizer": get_args(TokenizerKind),
        "early_stopping_patience": ("none",),
    }
