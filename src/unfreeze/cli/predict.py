"""`unfreeze predict`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from unfreeze.cli.terminal import json_text, say
from unfreeze.settings import flag

FEATURES = "feature-extraction"
BATCH_OF_TEXTS = 1024  # read, predict and print this many at a time, so that a file of any size streams

EXAMPLES = (
    'unfreeze predict unfreeze-sample-emotion "They let us keep the dog!"',
    "unfreeze predict unfreeze-sample-emotion --file texts.txt",
    'unfreeze predict adapted "They let us keep the [MASK]!" --top-k 3',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model_folder", metavar="MODEL", help="a comparison (its best run), a run, a model folder, or a hub id"
    )
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="without any: lines of --file or standard input")
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="one text a line, or one JSON object (.jsonl); - is standard input"
    )
    parser.add_argument("--text-pair", metavar="TEXT", help="the second text, for models of pairs")
    parser.add_argument("--context", metavar="TEXT", help="what the questions are about, for models that answer some")
    parser.add_argument(
        "--task",
        metavar="TASK",
        help="where the model does not tell: fill-mask, next-sentence (nsp), replaced-token (rtd), question-answering, "
        "text-classification, token-classification, feature-extraction ...",
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "bf16"),
        help="bf16 is faster where the hardware has it, and rounds to three digits (default: fp32)",
    )
    parser.add_argument("--explain", action="store_true", help="also each token with its tags, or as start and end")
    parser.add_argument("--top-k", type=int, metavar="N", help="so many answers: of questions, hidden words, labels")
    parser.add_argument(
        "--aggregation-strategy",
        choices=("none", "simple"),
        help="tagging: whole entities, or each word (default: simple)",
    )


def call(options: argparse.Namespace) -> int:
    from unfreeze.settings import SettingsError
    from unfreeze.tasks.inputs import InputError
    from unfreeze.tasks.task import TaskError

    if options.texts and options.file:
        raise SettingsError(["--file: give texts or a file, not both."])
    if options.top_k is not None and options.top_k < 1:
        raise SettingsError([f"--top-k {options.top_k}: expected a number of answers, at least 1."])
    if options.text_pair is not None and options.context is not None:
        raise SettingsError(["--text-pair --context: a text has a pair, or a question a context. Leave one out."])
    answer = _features_of(options) if options.task == FEATURES else _answering(options)
    inputs = _inputs(options)
    while some := list(islice(inputs, BATCH_OF_TEXTS)):
        try:
            predictions = answer([one for _, one in some])
        except InputError as error:
            where, _ = some[error.position]
            raise TaskError(f"{where}{error}") from None
        for prediction in predictions:
            print(json_text(prediction))
    return 0


def _answering(options: argparse.Namespace) -> Callable[[list[Any]], list[Any]]:
    from unfreeze.inference.predictor import load_predictor
    from unfreeze.tasks.inputs import read_each

    predictor = load_predictor(options.model_folder, task=options.task, precision=options.precision or "fp32")
    names = ("aggregation_strategy", "top_k")
    chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    answer: Callable[[list[Any]], list[Any]] = partial(predictor.predict, **chosen)
    if not options.explain:
        return answer

    def explained(one: Any) -> dict[str, Any]:
        return {"prediction": answer([one])[0], "windows": predictor.explain([one])}

    return lambda inputs: read_each(inputs, explained)


def _features_of(options: argparse.Namespace) -> Callable[[list[Any]], list[Any]]:
    from unfreeze.inference.token_vectors import token_vectors
    from unfreeze.settings import SettingsError

    names = ("text_pair", "context", "top_k", "aggregation_strategy", "explain", "precision")
    unused = [flag(name) for name in names if getattr(options, name)]
    if unused:
        raise SettingsError([f"{name}: is not for --task {FEATURES}." for name in unused])
    return token_vectors(options.model_folder)


def _inputs(options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """What is to be answered, each behind its file and line for messages; arguments have none."""
    name = _name(options.file)
    is_jsonl = options.file is not None and options.file.suffix == ".jsonl"
    for number, line in enumerate(options.texts or _lines(options.file), start=1):
        where = "" if options.texts else f"{name}:{number}: "
        yield where, _input(_object(line, where) if is_jsonl else line, where, options)


def _input(line: Any, where: str, options: argparse.Namespace) -> Any:
    """A line as the task takes it: with the second text, or with the context that it asks about."""
    from unfreeze.settings import SettingsError

    for option, text in (("context", "question"), ("text_pair", "text")):
        given = getattr(options, option)
        if given is None:
            continue
        if isinstance(line, dict) and option in line:
            raise SettingsError([f"{where}{flag(option)}: {line!r} has its own. Leave one out."])
        return {**line, option: given} if isinstance(line, dict) else {text: line, option: given}
    return line


def _object(line: str, where: str) -> Any:
    from unfreeze.settings import SettingsError

    try:
        found = json.loads(line)
    except ValueError as error:
        raise SettingsError([f"{where}is not valid JSON ({error})."]) from None
    if not isinstance(found, str | list | dict):
        raise SettingsError([f"{where}expected a text, a list of words or an object."])
    return found


def _name(file: Path | None) -> str:
    return "standard input" if file is None else f"--file {file}"


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
            raise SettingsError([f"{_name(file)}: is not UTF-8 ({error.reason} at byte {error.start})."]) from None
