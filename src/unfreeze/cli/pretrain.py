"""`unfreeze pretrain`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any, get_args

from unfreeze.cli.compare import PROCESS_FOR_EACH_RUN, show_and_print
from unfreeze.cli.flags import Once, add_settings_flags, layers_of
from unfreeze.cli.progress import add_progress_flags
from unfreeze.settings import Settings, flag

OBJECTIVE_HELP = "mlm, tlm (pairs of translations), nsp, sop or rtd; also their long names, as masked-lm"

EXAMPLES = (
    "unfreeze pretrain --model minilm --data corpus.txt --output adapted",
    "unfreeze pretrain --from-scratch bert --tokenizer wordpiece --data sample:docstrings --objective rtd",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from unfreeze.models.scratch import Scratch

    add_settings_flags(parser, set(Settings.model_fields) - {"task"})
    once: dict[str, Any] = {"action": Once, "default": argparse.SUPPRESS}
    parser.add_argument("--objective", help=f"{OBJECTIVE_HELP} (default: mlm)", **once)
    parser.add_argument(
        "--from-scratch", metavar="FAMILY", help="begin with random weights, e.g. bert or electra", **once
    )
    for one in fields(Scratch):
        if one.name != "model_type":
            name, kind = flag(one.name), str if isinstance(one.default, str) else int
            parser.add_argument(name, type=kind, metavar="N" if kind is int else "KIND", help=_help(one), **once)
    add_progress_flags(parser)


def call(options: argparse.Namespace) -> int:
    from unfreeze.experiments.pretrain import pretrain, pretrain_settings

    objective = getattr(options, "objective", "mlm")
    settings, notes = pretrain_settings(objective, PROCESS_FOR_EACH_RUN, *layers_of(options))
    scratch = _scratch(options)
    return show_and_print(settings, notes, options.progress, lambda listener: pretrain(settings, scratch, listener))


def _scratch(options: argparse.Namespace) -> Any:
    from unfreeze.models.scratch import Scratch, TokenizerKind
    from unfreeze.settings import SettingsError

    family = getattr(options, "from_scratch", None)
    given = vars(options)
    chosen = {one.name: given[one.name] for one in fields(Scratch) if one.name in given}
    too_few = [name for name, value in chosen.items() if isinstance(value, int) and value < 1]
    mistakes = [f"{flag(name)} {chosen[name]}: expected 1 or more." for name in too_few]
    kinds = get_args(TokenizerKind)
    if chosen.get("tokenizer") not in (None, *kinds):
        mistakes.append(f"--tokenizer {chosen['tokenizer']}: expected {' or '.join(kinds)}.")
    if chosen and family is None:
        mistakes += [f"{flag(name)} {value}: is used with --from-scratch only." for name, value in chosen.items()]
    if mistakes:
        raise SettingsError(mistakes)
    return None if family is None else Scratch(family, **chosen)


def _help(one: Any) -> str:
    what = {"tokenizer": "wordpiece or bpe, trained on the text", "vocab_size": "pieces of the tokenizer"}
    return f"with --from-scratch: {what.get(one.name, one.name.replace('_', ' '))} (default: {one.default})"
