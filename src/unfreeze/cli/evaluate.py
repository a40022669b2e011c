"""`unfreeze evaluate`: the test split that a comparison was scored on, or any other labelled data."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags, named_by_user, settings_from
from unfreeze.cli.terminal import json_text, one_line, say
from unfreeze.settings import Settings, SettingsError, flag, read_config_file

if TYPE_CHECKING:
    from unfreeze.data.examples import Example
    from unfreeze.data.sources import Corpus
    from unfreeze.evaluation.evaluate import Evaluation
    from unfreeze.inference.predictor import Predictor

SETTINGS_FILE = "settings.yaml"
TRAINING_DATA = ("data", "train_file")
# What belongs to one choice of files: taken over from the comparison together, or not at all.
WHICH_DATA = (*TRAINING_DATA, "validation_file", "test_file", "max_train_samples", "max_eval_samples")

WHAT_IS_SCORED = """\
Test files (--test-file), a single file (--data) and folders with test files only are scored whole. Of data with a
training split, and of a single file with --split, one split is scored. Without data flags it is the data that the
comparison was trained on; how it is read and split is as in training, unless flags say otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{parser.description}\n\n{WHAT_IS_SCORED}"
    parser.add_argument("model_folder", metavar="DIR", help="a comparison (its best run), a run, or a model folder")
    add_settings_flags(parser, DATA_FLAGS)
    parser.add_argument(
        "--split", help="score only this: train, validation, test or a test set's name (default: tests)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(options: argparse.Namespace) -> int:
    from unfreeze.inference.predictor import load_predictor

    corpus = _corpus(options)
    sets = _chosen(corpus, options.split)
    predictor = load_predictor(options.model_folder)
    if corpus.task != predictor.task.name:
        message = f"{options.model_folder}: is a model for {predictor.task.name}, but this data is for {corpus.task}."
        raise SettingsError([f"{message} Check --task, --format and the columns."])
    evaluations = {}
    for name, examples in sets.items():
        say(f"{name}: {len(examples):,} examples")
        _say_unknown_labels(name, examples, predictor)
        evaluations[name] = predictor.evaluate(examples)
    if options.json:
        print(json_text(_as_json(sets, evaluations), 2))
    else:
        print_scores(evaluations)
    return 0


def _corpus(options: argparse.Namespace) -> Corpus:
    """The data that is asked for, and everything said on the way."""
    from unfreeze.data.sources import load_corpus, load_for_scoring

    path, trained = _trained_with(Path(options.model_folder))
    named = named_by_user(options)
    which = named & {*TRAINING_DATA, "validation_file", "test_file"}
    same_file = which <= {*TRAINING_DATA} and _is_file_of(options, trained)
    whole_data = not which or same_file
    taken = {
        name: value
        for name, value in trained.items()
        if name not in named and (whole_data or name not in WHICH_DATA) and not (which and name in TRAINING_DATA)
    }
    if not which and str(taken.get("data")).startswith("<"):
        raise SettingsError([f"--data: missing, and {path} was trained on data in memory. Pass --data or --test-file."])
    settings, notes = settings_from(options, taken)
    if taken:
        notes.append(f"as in {path}: {', '.join(f'{flag(name)} {_written(value)}' for name, value in taken.items())}")
    if same_file:
        notes.append(f"{path} was trained on this file: only what training left for test is scored")
    for note in notes:
        say(note)
    request = settings.data_request()
    one_file = isinstance(request.data, str) and Path(request.data).expanduser().is_file()
    # A split of a single file can only be one that is made, as training makes it.
    split_it = (whole_data and bool(trained)) or (one_file and options.split is not None)
    corpus = load_corpus(request) if split_it else load_for_scoring(request)
    for said in (*corpus.notes, *corpus.findings):
        say(str(said))
    return corpus


def _trained_with(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The settings file of the comparison that the folder is or belongs to, and its data settings but the defaults."""
    folder = folder.resolve()
    for comparison in (folder, *folder.parents):
        path = comparison / SETTINGS_FILE
        if path.is_file() and (comparison == folder or folder.is_relative_to(comparison / "runs")):
            written = read_config_file(path)
            defaults = {name: Settings.model_fields[name].default for name in DATA_FLAGS}
            chosen = {name: written[name] for name in DATA_FLAGS if name in written}
            return path, {n: v for n, v in chosen.items() if v not in (None, []) and v != defaults[n]}
    return None, {}


def _is_file_of(options: argparse.Namespace, trained: Mapping[str, Any]) -> bool:
    """Is the file that the flags name the one that the comparison was trained on?"""
    given = next((getattr(options, name) for name in TRAINING_DATA if getattr(options, name, None)), None)
    known = next((trained[name] for name in TRAINING_DATA if name in trained), None)
    if given is None or known is None:
        return False
    path = Path(given).expanduser()
    return path.is_file() and path.resolve() == Path(str(known)).expanduser().resolve()


def _chosen(corpus: Corpus, split: str | None) -> dict[str, Sequence[Example]]:
    sets: dict[str, Sequence[Example]] = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}
    sets = {name: examples for name, examples in sets.items() if examples}
    if split is not None and split not in sets:
        raise SettingsError([f"--split {split}: this data has {', '.join(sets)}."])
    if split is not None:
        return {split: sets[split]}
    tests = {name: examples for name, examples in sets.items() if name in corpus.tests}
    if not tests:
        raise SettingsError([f"--split: this data has no test set. Give one of {', '.join(sets)}, or --test-file."])
    return tests


def _say_unknown_labels(name: str, examples: Sequence[Example], predictor: Predictor) -> None:
    unknown = Counter(label for example in examples for label in example.labels if label not in predictor.labels)
    if unknown:
        shown = ", ".join(f"{label!r} ({count})" for label, count in unknown.most_common(10))
        known = ", ".join(predictor.labels.names[:20])
        say(f"warning: {name}: the model does not know the labels {shown}; each counts as an error. It knows {known}")


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


def _written(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
