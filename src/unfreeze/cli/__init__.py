"""The command line: one file for each command, loaded only when it is called."""

from __future__ import annotations

import argparse
import difflib
import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from unfreeze.acceleration.ranks import follows

# Faults of the disk, not of the program: a line, and no traceback.
DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

# Command to (module, one line of help). The module's `add_arguments` and `call` do the rest.
COMMANDS = {
    "compare": ("unfreeze.cli.compare", "train several strategies on your data, compare them, recommend one"),
    "train": ("unfreeze.cli.train", "train one strategy with one seed"),
    "pretrain": ("unfreeze.cli.pretrain", "adapt an encoder to plain text, or train one from scratch"),
    "plan": ("unfreeze.cli.plan", "say what a comparison will take, from a few steps of each strategy"),
    "distill": ("unfreeze.cli.distill", "teach a smaller network what a trained one answers"),
    "verify": ("unfreeze.cli.verify", "does the fast path follow the stock Trainer on your model and data?"),
    "evaluate": ("unfreeze.cli.evaluate", "score a trained model on labelled data"),
    "predict": ("unfreeze.cli.predict", "label texts with a trained model"),
    "export": ("unfreeze.cli.export", "write a trained model merged, as ONNX or in 8 bits, checked against it"),
    "speed": ("unfreeze.cli.speed", "time how fast models answer here, with their scores beside it"),
    "serve": ("unfreeze.cli.serve", "answer requests over HTTP with trained models, with a page to try them"),
    "inspect": ("unfreeze.cli.inspect", "check data, or see what each strategy does to a model, before any training"),
    "report": ("unfreeze.cli.report", "write the tables, figures and HTML of a comparison again"),
    "runs": ("unfreeze.cli.runs", "list the runs of a comparison"),
}

# What the processes that `torchrun` starts do together.
TOGETHER = ("compare", "train", "distill", "pretrain")

EXAMPLES = """examples:
  unfreeze compare --model minilm --data sample:emotion
  unfreeze compare --model bert-base-cased --data my-folder --strategy full --strategy lora:r=16 --seeds 3
  unfreeze predict unfreeze-sample-emotion "nobody remembered, again"
"""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, not below a screenful of flags, and names the nearest flag."""

    def error(self, message: str) -> NoReturn:
        from unfreeze.cli.terminal import print_error

        print_error(f"{message.removesuffix('.')}. `{self.prog} --help` lists what there is.")
        raise SystemExit(2)

    def refuse_unknown(self, unknown: Sequence[str]) -> None:
        """Stop if there are arguments that no flag takes."""
        if unknown:
            written = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(written, self._option_string_actions, n=1)
            self.error(f"unknown argument {' '.join(unknown)}" + (f"; did you mean {near[0]}?" if near else ""))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a failed run, 2 bad input, 130 or 143 after a signal."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = OneLineParser(
        prog="unfreeze",
        description="Find out how much of a pretrained encoder you need to fine-tune.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    called = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, help_line) in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=help_line, description=help_line, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == called:
            # Only the command that is called pays for its imports; `unfreeze --help` stays fast.
            import_module(module).add_arguments(subparser)
    options, unknown = parser.parse_known_args(arguments)
    subparsers.choices.get(options.command, parser).refuse_unknown(unknown)
    if options.version:
        from unfreeze import __version__

        print(__version__)
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    if options.command not in TOGETHER and follows():
        return 0  # of several processes the first does it by itself
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
    """The first signal stops in order; the second ends everything at once."""
    if _Asked.to_stop:
        if "multiprocessing" in sys.modules:
            import multiprocessing

            for child in multiprocessing.active_children():
                child.kill()
        os._exit(128 + number)
    _Asked.to_stop = True
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _call(module: str, options: argparse.Namespace) -> int:
    from unfreeze.cli.terminal import print_error
    from unfreeze.data.findings import DataError
    from unfreeze.experiments.launchers.launcher import LauncherError
    from unfreeze.models.anatomy import AnatomyError
    from unfreeze.models.bundled import BundledEncoderError
    from unfreeze.models.load import ModelError
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
