"""Pretraining: an objective on plain text, from a checkpoint or from scratch, run as a comparison is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unfreeze.acceleration.joining import follows
from unfreeze.data.examples import PRETRAINING
from unfreeze.data.sources import load_corpus
from unfreeze.experiments.compare import compare
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.folder import check_data, check_folder
from unfreeze.experiments.listener import Listener
from unfreeze.models.scratch import Scratch
from unfreeze.settings import Settings, SettingsError, read_layers
from unfreeze.storage.folders import move_aside, slug
from unfreeze.strategies import Full
from unfreeze.tasks import SHORT_NAMES

MADE_OF = "scratch.json"  # what that model was made of
SCRATCH_SUFFIX = "-from-scratch"  # of the folder beside the output that holds the model to begin with
OBJECTIVES = (*SHORT_NAMES, *PRETRAINING)
# Peak learning rates from a checkpoint: at that of `full` these two can end in one answer for every pair (docs/log.md).
CAREFUL_RATES = {"next-sentence": 5e-5, "sentence-order": 2e-5}


def pretrain_settings(objective: str, *layers: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """The settings of a comparison that pretrains: one strategy and one seed, unless more are asked for.

    What a later layer says overrides the earlier ones. Pairs of sentences move a checkpoint at a lower rate than `full`
    has by itself, unless one is given or searched for.

    Raises:
        SettingsError: with every mistake.
    """
    if objective not in OBJECTIVES:
        raise SettingsError([f"--objective {objective}: expected one of {', '.join(OBJECTIVES)}."])
    task = SHORT_NAMES.get(objective, objective)
    settings, notes = read_layers({"strategy": ("full",), "seeds": 1, "plan": False}, *layers, {"task": task})
    careful = CAREFUL_RATES.get(task)
    if careful is None or not settings.model or settings.learning_rate is not None or settings.lr_search:
        return settings, notes
    strategies = settings.strategies()
    if strategies == [Full()]:
        return settings.model_copy(update={"learning_rate": careful}), notes
    changed = tuple(Full(learning_rate=careful) if one == Full() else one for one in strategies)
    return settings.model_copy(update={"strategy": changed}), notes


def pretrain(settings: Settings, scratch: Scratch | None = None, listener: Listener | None = None) -> Comparison:
    """Pretrain what the settings name, or with `scratch` a new model whose tokenizer the training text makes.

    Raises:
        SettingsError, DataError, ModelError, StrategyError, OutputError: before anything is trained.
    """
    listener = listener or Listener()
    if scratch is None or follows():  # of several processes the first makes what is trained
        return compare(settings, listener)
    if settings.model:
        raise SettingsError([f"--from-scratch --model {settings.model[0]}: say where to begin. Leave one of them out."])
    corpus = load_corpus(settings.data_request())
    output = settings.output or Path(f"unfreeze-{slug(corpus.name)}")
    check_folder(output, settings)
    check_data(output, settings, corpus)
    folder = output.with_name(output.name + SCRATCH_SUFFIX)
    made_of = [asdict(scratch), settings.seed, corpus.sha256]
    another = _is_another(folder, made_of)
    if another and not settings.overwrite:
        raise SettingsError(
            [
                f"--from-scratch {scratch.model_type}: {folder} holds a model of another family, size, tokenizer, seed "
                "or text. Pass --overwrite to begin anew, or another --output."
            ]
        )
    if another:
        listener.said(f"{folder}: what was there is now {move_aside(folder)}")
    if another or not folder.exists():
        texts = (part for example in corpus.train for part in example.parts)
        scratch.write(folder, texts, settings.seed, {MADE_OF: made_of})
        listener.said(
            f"{folder}: a {scratch.model_type} with random weights, a {scratch.tokenizer} tokenizer of its own"
        )
    return compare(settings.model_copy(update={"model": (str(folder),), "output": output}), listener)


def _is_another(folder: Path, made_of: list[Any]) -> bool:
    """Does the folder hold something that was made of other things?"""
    if not folder.exists():
        return False
    file = folder / MADE_OF
    try:
        return bool(json.loads(file.read_text(encoding="utf-8")) != made_of)
    except (OSError, ValueError):  # somebody else's
        return True
