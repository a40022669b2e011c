"""`--progress`: how a comparison is shown while it runs."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from unfreeze.settings import SettingsError

if TYPE_CHECKING:
    from unfreeze.cli.plain_lines import PlainLines

WAYS = ("auto", "live", "plain", "json", "quiet")


class OneWay(argparse.Action):
    """Stores the way; another one beside it is a mistake. Without a value (`--quiet`) it is `const`."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        way = self.const or values
        if getattr(namespace, self.dest) not in (None, way):
            parser.error(f"{option_string}: was given as {getattr(namespace, self.dest)} before. Give it once.")
        setattr(namespace, self.dest, way)


def add_progress_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress",
        action=OneWay,
        choices=WAYS,
        help="live: a table; plain: lines; json: an event a line on standard output (docs/events.md); quiet: the "
        "result only; auto: a table in a terminal, else lines (default: auto)",
    )
    parser.add_argument(
        "--quiet", action=OneWay, dest="progress", nargs=0, const="quiet", help="the same as --progress quiet"
    )


def shown(way: str | None) -> PlainLines:
    """The listener that shows a comparison in this way, `auto` by default.

    Raises:
        SettingsError: a table where none can be drawn.
    """
    from unfreeze.cli.plain_lines import PlainLines

    if way == "quiet":
        return PlainLines(quiet=True)
    if way == "json":
        from unfreeze.cli.json_lines import JsonLines

        return JsonLines()
    if way == "live" and not draws():
        raise SettingsError(["--progress live: standard error is no terminal that draws. Use plain, json or auto."])
    # Where CI gives its jobs a terminal, people still read a log.
    if way == "live" or (way != "plain" and draws() and not os.environ.get("CI")):
        from unfreeze.cli.live import LiveTable

        return LiveTable()
    return PlainLines()


def draws() -> bool:
    """Is standard error a terminal in which lines can be drawn anew?"""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown", "")
