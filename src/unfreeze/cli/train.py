"""`unfreeze train`: a comparison of one strategy with one seed."""

from __future__ import annotations

import argparse

from unfreeze.cli.compare import PROCESS_FOR_EACH_RUN, run_and_print
from unfreeze.cli.flags import add_settings_flags, settings_from
from unfreeze.cli.progress import add_progress_flags
from unfreeze.settings import Settings, SettingsError

EXAMPLES = (
    "unfreeze train --model minilm --data sample:ner",
    "unfreeze train --model minilm --train-file train.csv --test-file test.csv --strategy freeze:first=half",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser, set(Settings.model_fields) - {"seeds"})
    add_progress_flags(parser)


def call(options: argparse.Namespace) -> int:
    settings, notes = settings_from(options, PROCESS_FOR_EACH_RUN | {"plan": False, "strategy": ("full",)}, seeds=1)
    if len(settings.strategies()) > 1:
        raise SettingsError([f"--strategy {' '.join(map(str, settings.strategy))}: train takes one; use compare."])
    return run_and_print(settings, notes, options.progress)
