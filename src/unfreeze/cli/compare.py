"""`unfreeze compare`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import add_settings_flags, named_by_user, settings_from
from unfreeze.settings import Settings, SettingsError, flag, read_settings
from unfreeze.settings.launching import RAY_ALONE

if TYPE_CHECKING:
    from unfreeze.experiments.conclude import Comparison

# In Python runs share the process, since objects of a user's own may not be sent to another one.
PROCESS_FOR_EACH_RUN = {"jobs": 1}
# What `--resume` leaves to the new command.
WHERE = ("jobs", "launcher", *RAY_ALONE)
OF_A_COMMAND = ("save_steps", "report_to", *WHERE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser)
    parser.add_argument(
        "--print-config", action="store_true", help="print all settings with their values as YAML and stop"
    )
    parser.add_argument("--quiet", action="store_true", help="print the result only")
    parser.add_argument(
        "--resume", metavar="DIR", type=Path, help="go on with the comparison in this folder, with its settings"
    )


def call(options: argparse.Namespace) -> int:
    settings, notes = (
        settings_from(options, PROCESS_FOR_EACH_RUN)
        if options.resume is None
        else go_on_with(options.resume, options, f"--resume {options.resume}")
    )
    if options.print_config:
        import yaml

        text = yaml.safe_dump(settings.written(), sort_keys=False, allow_unicode=True)
        if not text.replace("\n", "").isprintable():
            text = yaml.safe_dump(settings.written(), sort_keys=False)  # by their numbers
        print(text, end="")
        return 0
    return run_and_print(settings, notes, quiet=options.quiet)


def go_on_with(output: Path, options: argparse.Namespace, typed: str, **instead: Any) -> tuple[Settings, list[str]]:
    """The settings of the comparison in a folder, to be gone on with, and notes on them.

    Args:
        typed: the argument that named the folder.
        instead: settings that the command has in place of the folder's.

    Raises:
        SettingsError: the command names others; OutputError: there is no comparison.
    """
    from unfreeze.acceleration.ranks import started_together
    from unfreeze.experiments.folder import settings_of

    others = sorted(named_by_user(options) - {*OF_A_COMMAND})
    if others:
        raise SettingsError([f"{typed} {flag(name)}: the folder says that. Leave one out." for name in others])
    given = {name: getattr(options, name) for name in OF_A_COMMAND if hasattr(options, name)}
    earlier = settings_of(output)
    if given.keys() & set(WHERE) or started_together() > 1:  # where runs are made is said anew
        earlier = PROCESS_FOR_EACH_RUN | {name: value for name, value in earlier.items() if name not in WHERE}
    if str(earlier.get("data", "")).endswith(" in memory>"):
        raise SettingsError([f"{typed}: its data were in memory. Call `unfreeze.compare` again, as before."])
    return read_settings(earlier | given | instead | {"output": output, "overwrite": False})


def run_and_print(settings: Settings, notes: list[str], *, quiet: bool) -> int:
    """Run a comparison and print what came of it; 1 if a run failed."""
    from unfreeze.acceleration.ranks import follows
    from unfreeze.cli.live import LiveListener
    from unfreeze.experiments.compare import compare
    from unfreeze.experiments.trackers.reporting import reporting

    listener = LiveListener(quiet=quiet or follows())
    for note in notes:
        listener.said(note)
    with reporting(settings, listener) as told:
        return print_result(compare(settings, told))


def print_result(comparison: Comparison) -> int:
    """Write the report of a comparison, print leaderboard and recommendation; 1 if a run failed."""
    from unfreeze.acceleration.ranks import follows
    from unfreeze.cli.leaderboard import leaderboard_text
    from unfreeze.cli.terminal import one_line
    from unfreeze.reports.document import write_report
    from unfreeze.reports.leaderboard import leaderboard

    code = 0 if all(record.status == "done" for record in comparison.records) else 1
    if follows():  # the first of several processes prints it
        return code
    report = write_report(comparison.output)
    print(leaderboard_text(leaderboard(comparison.records, comparison.summary.get("speeds") or [])))
    print()
    recommendation = comparison.summary["recommendation"]
    if recommendation["strategy"] is not None:
        print(f"recommended: {one_line(recommendation['strategy'])}")
    for reason in recommendation["reasons"]:
        print(f"  - {one_line(reason)}")
    print()
    print(f"report: {one_line(str(report))}")
    if recommendation["strategy"] is not None:
        print(f"model:  {one_line(str(comparison.best / 'model'))}")
    return code
