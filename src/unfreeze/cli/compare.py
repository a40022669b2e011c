"""`unfreeze compare`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import add_settings_flags, layers_of, named_by_user, settings_from
from unfreeze.cli.progress import add_progress_flags, shown
from unfreeze.settings import ALIASES, Settings, SettingsError, flag, read_settings
from unfreeze.settings.launching import RAY_ALONE

if TYPE_CHECKING:
    from unfreeze.experiments.conclude import Comparison
    from unfreeze.experiments.listener import Listener

# In Python runs share the process, since objects of a user's own may not be sent to another one.
PROCESS_FOR_EACH_RUN = {"jobs": 1}
# What `--resume` leaves to the new command.
WHERE = ("jobs", "launcher", *RAY_ALONE)
OF_A_COMMAND = ("save_steps", "report_to", *WHERE)

EXAMPLES = (
    "unfreeze compare --model minilm --data sample:emotion --seeds 1 --jobs 2",
    "unfreeze compare --model bert-base-cased --data my-folder --strategy full --strategy lora:r=16 --seeds 3",
    "unfreeze compare --resume unfreeze-sample-emotion",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser)
    parser.add_argument(
        "--print-config", action="store_true", help="print all settings with their values as YAML and stop"
    )
    add_progress_flags(parser)
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
    return run_and_print(settings, notes, options.progress)


def go_on_with(output: Path, options: argparse.Namespace, typed: str, **instead: Any) -> tuple[Settings, list[str]]:
    """The settings of the comparison in a folder, to be gone on with, and notes on them.

    Args:
        typed: the argument that named the folder.
        instead: settings that the command has in place of the folder's.

    Raises:
        SettingsError: the command names others; OutputError: there is no comparison.
    """
    from unfreeze.acceleration.joining import started_together
    from unfreeze.experiments.folder import settings_of

    others = sorted(named_by_user(options) - {*OF_A_COMMAND})
    if others:
        raise SettingsError([f"{typed} {flag(name)}: the folder says that. Leave one out." for name in others])
    from_file, flags = layers_of(options)
    named = {ALIASES.get(key := name.replace("-", "_"), key): value for name, value in (from_file | flags).items()}
    given = {name: value for name, value in named.items() if name in OF_A_COMMAND}
    earlier = settings_of(output)
    if given.keys() & set(WHERE) or started_together() > 1:  # where runs are made is said anew
        earlier = PROCESS_FOR_EACH_RUN | {name: value for name, value in earlier.items() if name not in WHERE}
    if str(earlier.get("data", "")).endswith(" in memory>"):
        raise SettingsError([f"{typed}: its data were in memory. Call `unfreeze.compare` again, as before."])
    return read_settings(earlier | given | instead | {"output": output, "overwrite": False})


def run_and_print(settings: Settings, notes: list[str], progress: str | None) -> int:
    """Run a comparison, show it as `--progress` says, and print what came of it; 1 if a run failed."""
    from unfreeze.experiments.compare import compare

    return show_and_print(settings, notes, progress, lambda listener: compare(settings, listener))


def show_and_print(
    settings: Settings, notes: list[str], progress: str | None, run: Callable[[Listener], Comparison]
) -> int:
    """Show what `run` tells, write the report of the comparison and print the result; 1 if a run failed."""
    from unfreeze.experiments.trackers.reporting import reporting
    from unfreeze.reports.document import write_report

    with shown(progress) as listener:
        for note in notes:
            listener.said(note)
        with reporting(settings, listener) as told:
            comparison = run(told)
            listener.result(comparison, write_report(comparison.output))
    return exit_code(comparison)


def exit_code(comparison: Comparison) -> int:
    """1 if a run failed."""
    return 0 if all(record.status == "done" for record in comparison.records) else 1
