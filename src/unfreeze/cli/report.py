"""`unfreeze report`."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = ("unfreeze report unfreeze-sample-emotion",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="DIR", type=Path, help="the folder of a comparison")


def call(options: argparse.Namespace) -> int:
    from unfreeze.cli.runs import require_comparison
    from unfreeze.cli.terminal import one_line
    from unfreeze.reports.document import write_report

    require_comparison(options.output)
    print(one_line(str(write_report(options.output))))
    return 0
