"""`unfreeze predict`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.predict_inputs import inputs_of
from unfreeze.cli.terminal import json_text
from unfreeze.settings import flag

if TYPE_CHECKING:
    from unfreeze.tasks import Task

FEATURES = "feature-extraction"
BATCH_OF_TEXTS = 1024  # predict and print this many at a time, so that lines of a file of any size stream

EXAMPLES = (
    'unfreeze predict unfreeze-sample-emotion "They let us keep the dog!"',
    "unfreeze predict unfreeze-sample-emotion --file new.csv",
    'unfreeze predict adapted "They let us keep the [MASK]!" --top-k 3',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model_folder", metavar="MODEL", help="a comparison (its best run), a run, a model folder, or a hub id"
    )
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="without any: --file, or lines of standard input")
    parser.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="a table (.csv, .tsv, .parquet), sentences (.conll, .conllu), an object a line (.jsonl), else a text a "
        "line; also gzipped; - is standard input",
    )
    parser.add_argument("--text-column", metavar="COLUMN", help="of a table (default: as in training, or by its name)")
    parser.add_argument("--text-pair-column", metavar="COLUMN", help="of a table: the second text")
    parser.add_argument("--encoding", help="of the file, where it is not UTF-8")
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
    parser.add_argument(
        "--explain",
        action="store_true",
        help="also each token with its tags, as start and end of an answer, or as replaced (rtd)",
    )
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
    task, answer = (None, _features_of(options)) if options.task == FEATURES else _answering(options)
    inputs = inputs_of(options, task)
    while some := list(islice(inputs, BATCH_OF_TEXTS)):
        try:
            predictions = answer([one for _, one in some])
        except InputError as error:
            where, _ = some[error.position]
            raise TaskError(f"{where}{error}") from None
        for prediction in predictions:
            print(json_text(prediction))
    return 0


def _answering(options: argparse.Namespace) -> tuple[Task, Callable[[list[Any]], list[Any]]]:
    from unfreeze.inference.predictor import load_predictor
    from unfreeze.tasks.inputs import read_each

    predictor = load_predictor(options.model_folder, task=options.task, precision=options.precision or "fp32")
    names = ("aggregation_strategy", "top_k")
    chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    answer: Callable[[list[Any]], list[Any]] = partial(predictor.predict, **chosen)
    if not options.explain:
        return predictor.task, answer

    def explained(one: Any) -> dict[str, Any]:
        return {"prediction": answer([one])[0], "windows": predictor.explain([one])}

    return predictor.task, lambda inputs: read_each(inputs, explained)


def _features_of(options: argparse.Namespace) -> Callable[[list[Any]], list[Any]]:
    from unfreeze.inference.token_vectors import token_vectors
    from unfreeze.settings import SettingsError

    names = ("text_pair", "context", "top_k", "aggregation_strategy", "explain", "precision")
    unused = [flag(name) for name in names if getattr(options, name)]
    if unused:
        raise SettingsError([f"{name}: is not for --task {FEATURES}." for name in unused])
    return token_vectors(options.model_folder)
