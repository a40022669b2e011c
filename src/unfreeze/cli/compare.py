"""`unfreeze compare`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from unfreeze.cli.flags import add_settings_flags, settings_from
from unfreeze.settings import Settings

if TYPE_CHECKING:
    from unfreeze.experiments.conclude import Comparison

# In Python runs share the process, since objects of a user's own may not be sent to another one.
PROCESS_FOR_EACH_RUN = {"jobs": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser)
    parser.add_argument(
        "--print-config", action="store_true", help="print all settings with their values as YAML and stop"
    )
    parser.add_argument("--quiet", action="store_true", help="print the result only")


def call(options: argparse.Namespace) -> int:
    settings, notes = settings_from(options, PROCESS_FOR_EACH_RUN)
    if options.print_config:
        import yaml

        print(yaml.safe_dump(settings.written(), sort_keys=False, allow_unicode=True), end="")
        return 0
    return run_and_print(settings, notes, quiet=options.quiet)


def run_and_print(settings: Settings, notes: list[str], *, quiet: bool) -> int:
    """Run a comparison and print what came of it; 1 if a run failed."""
    from unfreeze.cli.live import LiveListener
    from unfreeze.experiments.compare import compare

    listener = LiveListener(quiet=quiet)
    for note in notes:
        listener.said(note)
    return print_result(compare(settings, listener))


def print_result(comparison: Comparison) -> int:
    """Write the report of a comparison, print leaderboard and recommendation; 1 if a run failed."""
    from unfreeze.cli.leaderboard import leaderboard_text
    from unfreeze.reports.document import write_report
    from unfreeze.reports.leaderboard import leaderboard

    report = write_report(comparison.output)
    print(leaderboard_text(leaderboard(comparison.records)))
    print()
    recommendation = comparison.summary["recommendation"]
    if recommendation["strategy"] is not None:
        print(f"recommended: {recommendation['strategy']}")
    for reason in recommendation["reasons"]:
        print(f"  - {reason}")
    print()
    print(f"report: {report}")
    if recommendation["strategy"] is not None:
        print(f"model:  {comparison.best / 'model'}")
    return 0 if all(record.status == "done" for record in comparison.records) else 1
