"""`unfreeze plan`: what a comparison will take, from a few real steps of each strategy."""

from __future__ import annotations

import argparse
from typing import Any

from unfreeze.cli.compare import PROCESS_FOR_EACH_RUN
from unfreeze.cli.flags import add_settings_flags, settings_from

COLUMNS = ("strategy", "runs", "ms a step", "steps", "training of one run", "all its runs", "peak memory", "on disk")

EXAMPLES = (
    "unfreeze plan --model minilm --data sample:emotion",
    "unfreeze plan --model minilm --data my-folder --strategy full --strategy lora --jobs 2 --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="print the result only")


def call(options: argparse.Namespace) -> int:
    from unfreeze.cli.plain_lines import PlainLines
    from unfreeze.cli.tables import print_table
    from unfreeze.cli.terminal import json_text
    from unfreeze.experiments.compare import plan_only
    from unfreeze.experiments.launchers.choice import choose_launcher
    from unfreeze.experiments.plan import say_plan

    settings, notes = settings_from(options, PROCESS_FOR_EACH_RUN)
    listener = PlainLines(quiet=options.quiet or options.json)
    for note in notes:
        listener.said(note)
    planned = plan_only(settings, listener)
    if options.json:
        print(json_text(planned, 2))
        return 0
    for model in dict.fromkeys(one["model_name"] for one in planned):
        print_table(model, COLUMNS, [_row(one) for one in planned if one["model_name"] == model])
    say_plan(planned, settings, choose_launcher(settings).jobs_at_once, listener)
    return 0


def _row(one: dict[str, Any]) -> list[str]:
    from unfreeze.experiments.plan import in_words

    def span(values: tuple[float, float] | None, unit: Any) -> str:
        return "-" if values is None else f"{unit(values[0])} to {unit(values[1])}"

    return [
        one["strategy"],
        str(one["runs"]),
        f"{1000 * one['step_seconds']:.0f}",
        f"{one['steps']:,}",
        span(one["train_seconds"], in_words),
        span(one["seconds"], in_words),
        span(one["peak_memory_bytes"], _megabytes),
        span(one["disk_bytes"], _megabytes),
    ]


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
