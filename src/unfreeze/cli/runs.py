"""`unfreeze runs`."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = (
    "unfreeze runs unfreeze-sample-emotion",
    "unfreeze runs unfreeze-sample-emotion --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="DIR", type=Path, help="the folder of a comparison")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each run")


def call(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from unfreeze.cli.terminal import json_text, one_line, print_error
    from unfreeze.storage.folders import OutputError
    from unfreeze.storage.records import find_runs, read_record

    require_runs(options.output)
    unreadable = []
    for folder in find_runs(options.output):
        try:
            record = read_record(folder)
        except OutputError as error:
            unreadable.append(str(error))
            continue
        if options.json:
            print(json_text(asdict(record)))
            continue
        metric = record.selection_metric
        score = f"{metric} {record.validation[metric]:.4f}" if metric in record.validation else record.error or ""
        name = folder.relative_to(options.output)
        print(one_line(f"{record.status:<9} {record.strategy:<28} seed {record.seed:<5} {score:<28} {name}"))
    if not options.json:
        for line in _what_happened(options.output):
            print(one_line(line))
    for reason in unreadable:
        print_error(one_line(reason))
    return 1 if unreadable else 0


def _what_happened(output: Path) -> list[str]:
    """Each command on the folder, as its journal has it."""
    from unfreeze.storage.journal import entries

    told, finished = [], 0
    events, damaged = entries(output)
    for entry in events:
        match entry.get("event"):
            case "begun":
                finished = 0
                told.append(f"{entry.get('time')}: {entry.get('missing')} of {entry.get('cells')} runs to be made")
            case "run finished":
                finished += 1
            case "stopped":
                told.append(f"{entry.get('time')}: stopped ({entry.get('by')}); {finished} were finished")
            case "ended":
                told.append(f"{entry.get('time')}: ended; {finished} were made")
    if events and events[-1].get("event") not in ("stopped", "ended"):
        told.append(f"not ended: {finished} were made. `unfreeze compare --resume {output}` goes on, unless it runs.")
    return [*told, *([f"{damaged} lines of its journal are damaged and left out"] if damaged else [])]


def require_runs(output: Path) -> None:
    """Raise OutputError unless the folder holds recorded runs."""
    from unfreeze.storage.folders import OutputError
    from unfreeze.storage.records import find_runs

    if not find_runs(output):
        raise OutputError(f"{output}: no runs recorded there. Give the --output folder of a comparison.")


def require_comparison(output: Path) -> None:
    """Raise OutputError unless the folder holds a concluded comparison."""
    from unfreeze.storage.folders import OutputError
    from unfreeze.storage.records import COMPARISON_FILE

    if not (output / COMPARISON_FILE).is_file():
        raise OutputError(f"{output}: no {COMPARISON_FILE} there. Give the --output folder of a finished comparison.")
