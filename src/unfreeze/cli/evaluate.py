"""`unfreeze evaluate`."""

from __future__ import annotations

import argparse
import json

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags, settings_from
from unfreeze.cli.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model_folder", metavar="DIR", help="a comparison (its best run), a run, or a model folder")
    add_settings_flags(parser, DATA_FLAGS)
    parser.add_argument("--split", default="test", help="split to score: train, validation, test or a test set's name")
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(options: argparse.Namespace) -> int:
    from unfreeze.data.sources import load_corpus
    from unfreeze.inference.predictor import load_predictor
    from unfreeze.settings import SettingsError

    settings, notes = settings_from(options)
    corpus = load_corpus(settings.data_request())
    for note in (*notes, *corpus.notes, *corpus.findings):
        say(str(note))
    splits = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}
    if options.split not in splits:
        raise SettingsError([f"--split {options.split}: this data has {', '.join(splits)}."])
    evaluation = load_predictor(options.model_folder).evaluate(splits[options.split])
    if options.json:
        print(json.dumps({"metrics": evaluation.metrics, "breakdown": evaluation.breakdown}, indent=2))
        return 0
    for name, value in evaluation.metrics.items():
        print(f"{name:<24}{value:.4f}")
    print()
    for label, scores in evaluation.breakdown.items():
        print(f"{label:<16}" + "  ".join(f"{name} {value:.4g}" for name, value in scores.items()))
    return 0
