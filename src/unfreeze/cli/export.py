"""`unfreeze export`: a trained model merged, as ONNX or as ONNX in 8 bits, checked against the original."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags
from unfreeze.cli.scored_data import chosen_sets, refuse_other_task, say_unknown_labels, scored_corpus
from unfreeze.cli.terminal import json_text, one_line, print_error, say

if TYPE_CHECKING:
    from unfreeze.data.examples import Example
    from unfreeze.inference.export import Exported
    from unfreeze.inference.predictor import Predictor

FORMATS = {
    "merged": "a folder for plain transformers; an adapter is added to the weights it hangs on",
    "onnx": "for onnxruntime, in fp32",
    "onnx-int8": "for onnxruntime, with matrix products in 8 bits",
}
WHAT_IT_IS_CHECKED_ON = """\
Before the folder is there, both models answer labelled examples: those that the data flags name, else the test set of
the comparison that the model comes from. One that scores worse by more than --allow-difference is not written."""

EXAMPLES = ("unfreeze export unfreeze-sample-emotion --format onnx-int8 --output emotion-int8",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{parser.description}\n\n{WHAT_IT_IS_CHECKED_ON}"
    parser.add_argument(
        "model_folder", metavar="MODEL", help="a comparison (its best run), a run, a model folder, or a hub id"
    )
    parser.add_argument(
        "--format",
        dest="export_format",
        choices=tuple(FORMATS),
        required=True,
        help="; ".join(f"{name}: {what}" for name, what in FORMATS.items()),
    )
    parser.add_argument(
        "--output", dest="output_folder", type=Path, metavar="DIR", required=True, help="the new folder"
    )
    parser.add_argument(
        "--allow-difference",
        type=float,
        default=0.5,
        metavar="POINTS",
        help="so much may the score be worse, in hundredths (default: 0.5)",
    )
    parser.add_argument("--unverified", action="store_true", help="do not compare it with the original")
    parser.add_argument("--split", help="compare on this: train, validation, test or a test set's name")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_settings_flags(parser, set(DATA_FLAGS) - {"format"})
    parser.add_argument(
        "--data-format", dest="format", metavar="FORMAT", default=argparse.SUPPRESS, help="of the data's files"
    )


def call(options: argparse.Namespace) -> int:
    from unfreeze.inference.export import ScoreLost, export, refuse_impossible, refuse_used
    from unfreeze.inference.predictor import load_predictor, model_source
    from unfreeze.settings import SettingsError

    points = options.allow_difference
    if not points >= 0:
        raise SettingsError([f"--allow-difference {points:g}: expected hundredths of a score, 0 or more."])
    refuse_used(options.output_folder)
    model_source(options.model_folder)
    predictor = load_predictor(options.model_folder, device="cpu")
    refuse_impossible(predictor, options.model_folder, options.export_format)  # before any data is asked for
    examples = None if options.unverified else _scored(options, predictor)
    try:
        done = export(
            predictor,
            options.model_folder,
            options.output_folder,
            options.export_format,
            examples,
            allowed_points=points,
            told=say,
        )
    except ScoreLost as lost:
        print_error(one_line(str(lost)))
        return 1
    print(json_text({"folder": str(done.folder), **done.as_json()}, 2) if options.json else _said(done))
    return 0


def _scored(options: argparse.Namespace, predictor: Predictor) -> Sequence[Example]:
    """The labelled examples that the exported model is compared with this one on.

    Raises:
        SettingsError, DataError: there are none; `--unverified` is the way without.
    """
    from unfreeze.data.findings import DataError

    try:
        corpus = scored_corpus(options, options.model_folder)
    except DataError as error:
        if any(one.code == "no-data" for one in error.findings):
            say("an exported model is compared with the original on labelled examples; --unverified leaves that out")
        raise
    split = options.split or (None if corpus.tests else "validation" if corpus.validation else "train")
    [(name, examples), *_] = chosen_sets(corpus, split).items()
    refuse_other_task(corpus, predictor, options.model_folder)
    say(f"compared on {name}: {len(examples):,} examples")
    say_unknown_labels(name, examples, predictor)
    return examples


def _said(done: Exported) -> str:
    lines = [f"written: {one_line(str(done.folder))}" + (f" (ONNX opset {done.opset})" if done.opset else "")]
    if (checked := done.checked) is None:
        lines.append("not compared with the original (--unverified)")
    else:
        lines += [
            f"{one_line(checked.metric)} on {checked.examples:,} examples: original {checked.original:.4f}, exported "
            f"{checked.exported:.4f}, {_difference(checked.points_lost)}",
            f"largest difference of an output: {checked.largest_output_difference:.2g}",
        ]
    return "\n".join(lines)


def _difference(points_lost: float) -> str:
    """In points of 0.01.

    >>> _difference(0.0), _difference(0.25), _difference(-1)
    ('0.00 points apart', '0.25 points worse', '1.00 points better')
    """
    if round(points_lost, 2) == 0:
        return "0.00 points apart"
    return f"{abs(points_lost):.2f} points {'worse' if points_lost > 0 else 'better'}"
