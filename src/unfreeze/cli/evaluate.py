"""`unfreeze evaluate`: the test split that a comparison was scored on, or any other labelled data."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags
from unfreeze.cli.scored_data import chosen_sets, refuse_other_task, say_unknown_labels, scored_corpus
from unfreeze.cli.terminal import json_text, one_line, say

if TYPE_CHECKING:
    from unfreeze.data.examples import Example
    from unfreeze.evaluation.evaluate import Evaluation

WHAT_IS_SCORED = """\
Test files (--test-file), a single file (--data) and folders with test files only are scored whole. Of data with a
training split, and of a single file with --split, one split is scored. Without data flags it is the data that the
comparison was trained on; how it is read and split is as in training, unless flags say otherwise."""

EXAMPLES = (
    "unfreeze evaluate unfreeze-sample-emotion",
    "unfreeze evaluate unfreeze-sample-emotion --test-file new=new.csv --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{parser.description}\n\n{WHAT_IS_SCORED}"
    parser.add_argument(
        "model_folder", metavar="DIR", help="a comparison (its best run), a run, a model folder, or a hub id"
    )
    add_settings_flags(parser, DATA_FLAGS)
    parser.add_argument(
        "--split", help="score only this: train, validation, test or a test set's name (default: tests)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(options: argparse.Namespace) -> int:
    from unfreeze.inference.predictor import load_predictor

    corpus = scored_corpus(options, options.model_folder)
    sets = chosen_sets(corpus, options.split)
    predictor = load_predictor(options.model_folder)
    refuse_other_task(corpus, predictor, options.model_folder)
    evaluations = {}
    for name, examples in sets.items():
        say(f"{name}: {len(examples):,} examples")
        say_unknown_labels(name, examples, predictor)
        evaluations[name] = predictor.evaluate(examples)
    if options.json:
        print(json_text(_as_json(sets, evaluations), 2))
    else:
        print_scores(evaluations)
    return 0


def _as_json(sets: Mapping[str, Sequence[Example]], evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """The scores of the first set, as in a record, and those of all sets by name."""
    scores = {
        name: {"examples": len(sets[name]), "metrics": one.metrics, "breakdown": one.breakdown}
        for name, one in evaluations.items()
    }
    first = next(iter(scores))
    return {"split": first, **scores[first], "sets": scores}


def print_scores(evaluations: Mapping[str, Evaluation]) -> None:
    """Of each set its scores, then those of each label."""
    for number, (name, evaluation) in enumerate(evaluations.items()):
        if len(evaluations) > 1:
            print(f"{chr(10) if number else ''}[{one_line(name)}]")
        for metric, value in evaluation.metrics.items():
            print(f"{one_line(metric):<24}{value:.4f}")
        print()
        for label, scores in evaluation.breakdown.items():
            print(f"{one_line(label):<16}" + "  ".join(f"{metric} {value:.4g}" for metric, value in scores.items()))
