"""The command line: one file for each command, loaded only when it is called."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from unfreeze.acceleration.joining import follows, started_together
from unfreeze.cli.parsers import COMMANDS, build_parser

# Faults of the disk, not of the program: a line, and no traceback.
DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

# What the processes that `torchrun` starts do together.
TOGETHER = ("compare", "train", "distill", "pretrain")

# What makes none of the mistakes that are caught below, and does not wait until those who make them are loaded.
LIGHT = ("completion",)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a failed run, 2 bad input, 130 or 143 after a signal."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    called = next((word for word in arguments if not word.startswith("-")), None)
    # Only the command that is called pays for its imports; `unfreeze --help` stays fast.
    parser, commands = build_parser([called] if called in COMMANDS else [])
    options, unknown = parser.parse_known_args(arguments)
    commands.get(options.command, parser).refuse_unknown(unknown)
    if options.version:
        from unfreeze import __version__

        print(__version__)
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    if follows():
        if options.command not in TOGETHER or getattr(options, "print_config", False):
            return 0  # of several processes the first does it by itself
        from unfreeze.cli.following import follow_command

        return follow_command()
    if options.command in LIGHT:
        code: int = import_module(COMMANDS[options.command][0]).call(options)
        return code
    # The client of the hub would log each retry; the error in the end says it all. It reads this when it is loaded.
    os.environ.setdefault("HF_HUB_VERBOSITY", "critical")
    _Asked.to_stop = False
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as in the background
        signal.signal(signal.SIGINT, _terminate)
    return _call(COMMANDS[options.command][0], options)


class Terminated(BaseException):
    """SIGTERM, as `KeyboardInterrupt` is SIGINT: what was begun is cleaned up on the way."""


class _Asked:
    """Was this command asked to stop?"""

    to_stop = False


def _terminate(number: int, frame: FrameType | None) -> None:
    """The first signal stops in order; the second ends everything at once. Not where `torchrun` started this process:
    it passes on what its whole group got already, and kills who takes too long."""
    if _Asked.to_stop and started_together() > 1:
        return
    if _Asked.to_stop:
        if "multiprocessing" in sys.modules:
            import multiprocessing

            for child in multiprocessing.active_children():
                child.kill()
        os._exit(128 + number)
    _Asked.to_stop = True
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _call(module: str, options: argparse.Namespace) -> int:
    from unfreeze.acceleration.joining import RanksError
    from unfreeze.cli.terminal import print_error
    from unfreeze.data.findings import DataError
    from unfreeze.experiments.launchers.launcher import LauncherError
    from unfreeze.models.anatomy import AnatomyError
    from unfreeze.models.bundled import BundledEncoderError
    from unfreeze.models.explained import ModelError
    from unfreeze.serving.mistakes import ServingError
    from unfreeze.settings import SettingsError
    from unfreeze.storage.folders import OutputError
    from unfreeze.strategies import StrategyError
    from unfreeze.tasks import TaskError

    mistakes_of_users = (
        AnatomyError,
        BundledEncoderError,
        DataError,
        LauncherError,
        ModelError,
        OutputError,
        RanksError,
        ServingError,
        SettingsError,
        StrategyError,
        TaskError,
    )
    try:
        code: int = import_module(module).call(options)
    except mistakes_of_users as error:
        # A finding is one line, whatever the data hold that it names.
        found = (
            [str(one).replace("\n", "\\n") for one in error.errors] if isinstance(error, DataError) else [str(error)]
        )
        for told in found:
            print_error(told)
        if isinstance(error, SettingsError):
            from unfreeze.experiments.fitting import misfits

            for mistake in misfits(error.values):
                print_error(mistake)
        return 2
    except (KeyboardInterrupt, Terminated) as stopped:
        by, number = (
            ("terminated", signal.SIGTERM) if isinstance(stopped, Terminated) else ("interrupted", signal.SIGINT)
        )
        print_error("\n".join([by, *getattr(stopped, "__notes__", [])]))
        return 128 + number
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: nothing to report, now or when Python flushes at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        print_error(f"{error.filename or 'a file'}: {error.strerror}. Make room, or mend the disk.")
        for note in getattr(error, "__notes__", []):
            print_error(note)
        return 1
    return code
