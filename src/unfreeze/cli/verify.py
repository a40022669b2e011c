"""`unfreeze verify`: does the fast path follow the stock Trainer on your model and data?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from unfreeze.cli.flags import add_settings_flags, settings_from

if TYPE_CHECKING:
    from unfreeze.experiments.verify import Verified

COLUMNS = ("strategy", "layers", "steps", "losses", "weights", "outputs", "follows")

EXAMPLES = ("unfreeze verify --model minilm --data sample:emotion --strategy full --strategy lora",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="print the result only")


def call(options: argparse.Namespace) -> int:
    from unfreeze.cli.plain_lines import PlainLines
    from unfreeze.cli.tables import print_table
    from unfreeze.cli.terminal import json_text
    from unfreeze.experiments.verify import LOSS_TOLERANCE, OUTPUT_TOLERANCE, WEIGHT_TOLERANCE, verify

    settings, notes = settings_from(options)
    listener = PlainLines(quiet=options.quiet or options.json)
    for note in notes:
        listener.said(note)
    found = verify(settings, listener)
    if options.json:
        print(json_text([asdict(one) | {"follows": one.follows} for one in found], 2))
    else:
        for model in dict.fromkeys(one.model_name for one in found):
            print_table(model, COLUMNS, [_row(one) for one in found if one.model_name == model])
        print(
            "Largest differences from the stock Trainer, relative, in fp32 without dropout; allowed are "
            f"{LOSS_TOLERANCE:g} of the loss, {WEIGHT_TOLERANCE:g} of the way the weights went and "
            f"{OUTPUT_TOLERANCE:g} of the largest output."
        )
    return 0 if all(one.follows for one in found) else 1


def _row(one: Verified) -> list[str]:
    numbers = [f"{value:.1e}" for value in (one.losses, one.weights, one.outputs)]
    return [one.strategy, one.way, str(one.steps), *numbers, "yes" if one.follows else "no"]
