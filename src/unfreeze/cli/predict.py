"""`unfreeze predict`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from unfreeze.cli.terminal import say

BATCH_OF_TEXTS = 1024  # read, predict and print this many at a time, so that a file of any size streams


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model_folder", metavar="DIR", help="a comparison (its best run), a run, or a model folder")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="without any: lines of --file or standard input")
    parser.add_argument("--file", type=Path, metavar="FILE", help="text file, one text a line; - is standard input")
    parser.add_argument(
        "--aggregation-strategy",
        choices=("none", "simple"),
        help="tagging: whole entities, or each word (default: simple)",
    )


def call(options: argparse.Namespace) -> int:
    from unfreeze.inference.predictor import load_predictor
    from unfreeze.settings import SettingsError

    if options.texts and options.file:
        raise SettingsError(["--file: give texts or a file, not both."])
    predictor = load_predictor(options.model_folder)
    lines = iter(options.texts) if options.texts else _lines(options.file)
    chosen = {} if options.aggregation_strategy is None else {"aggregation_strategy": options.aggregation_strategy}
    while texts := list(islice(lines, BATCH_OF_TEXTS)):
        for prediction in predictor.predict(texts, **chosen):
            print(json.dumps(prediction, ensure_ascii=False))
    return 0


def _lines(file: Path | None) -> Iterator[str]:
    from unfreeze.settings import SettingsError

    if file is None or str(file) == "-":
        if sys.stdin.isatty():
            say("reading texts from standard input, one a line; end with Ctrl-D")
        stream = sys.stdin
    else:
        try:
            stream = file.open(encoding="utf-8-sig", newline="\n")
        except OSError as error:
            raise SettingsError([f"--file {file}: cannot be read ({error.strerror}). Give a text file."]) from None
    with stream:
        try:
            # One prediction for each line, blank ones too, so that outputs line up with inputs.
            for line in stream:
                yield line.rstrip("\r\n")
        except UnicodeDecodeError as error:
            name = "standard input" if file is None else f"--file {file}"
            raise SettingsError([f"{name}: is not UTF-8 ({error.reason} at byte {error.start})."]) from None
