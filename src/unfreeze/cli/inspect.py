"""`unfreeze inspect --data`: the data checks alone, without a model."""

from __future__ import annotations

import argparse
import json

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags, settings_from
from unfreeze.cli.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser, DATA_FLAGS)
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(options: argparse.Namespace) -> int:
    from unfreeze.data.sources import load_corpus, report

    settings, notes = settings_from(options)
    corpus = load_corpus(settings.data_request())
    summary = report(corpus)
    if options.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
        return 0
    for note in (*notes, *corpus.notes):
        say(str(note))
    for finding in corpus.findings:
        print(f"{finding.severity}: {finding}")
    print_summary(summary)
    return 0


def print_summary(value: object, indent: int = 0) -> None:
    """Nested values as indented lines."""
    from unfreeze.data.findings import printable

    if not isinstance(value, dict):
        print(" " * indent + printable(str(value)))
        return
    for key, inner in value.items():
        if isinstance(inner, dict):
            print(" " * indent + printable(f"{key}:"))
            print_summary(inner, indent + 2)
        elif key not in ("notes", "findings"):
            print(" " * indent + printable(f"{key}: {inner}"))
