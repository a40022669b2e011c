"""The labelled data that a trained model is scored on: what the flags name, or what its comparison was trained on."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import DATA_FLAGS, named_by_user, settings_from
from unfreeze.cli.terminal import say
from unfreeze.settings import Settings, SettingsError, flag, read_config_file
from unfreeze.storage.folders import SETTINGS_FILE

if TYPE_CHECKING:
    from unfreeze.data.examples import Example
    from unfreeze.data.sources import Corpus
    from unfreeze.inference.predictor import Predictor

TRAINING_DATA = ("data", "train_file")
# What belongs to one choice of files: taken over from the comparison together, or not at all.
WHICH_DATA = (*TRAINING_DATA, "validation_file", "test_file", "max_train_samples", "max_eval_samples")


def scored_corpus(options: argparse.Namespace, model: str) -> Corpus:
    """The data that is asked for, and everything said on the way.

    Args:
        model: the comparison, run or model folder to be scored.
    """
    from unfreeze.data.sources import load_corpus, load_for_scoring

    path, trained = trained_with(Path(model))
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
    split_it = (whole_data and bool(trained)) or (one_file and getattr(options, "split", None) is not None)
    corpus = load_corpus(request) if split_it else load_for_scoring(request)
    for said in (*corpus.notes, *corpus.findings):
        say(str(said))
    return corpus


def trained_with(folder: Path) -> tuple[Path | None, dict[str, Any]]:
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


def refuse_other_task(corpus: Corpus, predictor: Predictor, model: str) -> None:
    """SettingsError where the data is not for what the model was trained for."""
    if corpus.task != predictor.task.name:
        message = f"{model}: is a model for {predictor.task.name}, but this data is for {corpus.task}."
        raise SettingsError([f"{message} Check --task, --format and the columns."])


def chosen_sets(corpus: Corpus, split: str | None) -> dict[str, Sequence[Example]]:
    """The split that is asked for, or all test sets, by name."""
    sets: dict[str, Sequence[Example]] = {name: examples for name, examples in corpus.splits.items() if examples}
    if split is not None and split not in sets:
        raise SettingsError([f"--split {split}: this data has {', '.join(sets)}."])
    if split is not None:
        return {split: sets[split]}
    tests = {name: examples for name, examples in sets.items() if name in corpus.tests}
    if not tests:
        raise SettingsError([f"--split: this data has no test set. Give one of {', '.join(sets)}, or --test-file."])
    return tests


def say_unknown_labels(name: str, examples: Sequence[Example], predictor: Predictor) -> None:
    """Warn of labels that the model cannot give."""
    unknown = Counter(label for example in examples for label in example.labels if label not in predictor.labels)
    if unknown:
        shown = ", ".join(f"{label!r} ({count})" for label, count in unknown.most_common(10))
        known = ", ".join(predictor.labels.names[:20])
        say(f"warning: {name}: the model does not know the labels {shown}; each counts as an error. It knows {known}")


def _written(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
