"""The comparison: strategies x seeds x models on one data set, one record each, one verdict at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unfreeze.data.sources import Corpus, load_corpus
from unfreeze.experiments.conclude import Comparison, conclude
from unfreeze.experiments.listener import Cell, Listener
from unfreeze.experiments.prepare import Prepared, choose_task, prepare
from unfreeze.experiments.run import options_for, run
from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.load import load_network
from unfreeze.settings import Settings, SettingsError
from unfreeze.storage.atomic import write_json, write_text
from unfreeze.storage.environment import describe_environment
from unfreeze.storage.folders import claim_output, run_folder, slug
from unfreeze.storage.records import (
    RunRecord,
    write_record,
)
from unfreeze.strategies import Strategy, StrategyError
from unfreeze.tasks import Task
from unfreeze.training.checkpoint import drop_weights
from unfreeze.training.parameters import Trainables


def compare(
    settings: Settings, listener: Listener | None = None, *, task: Task | None = None, device: str | None = None
) -> Comparison:
    """Run everything the settings name and write the comparison folder.

    A run that fails or diverges is recorded and the others go on. `task` takes an object of the user's own.

    Raises:
        SettingsError, DataError, ModelError, StrategyError, OutputError: before anything is trained.
    """
    listener = listener or Listener()
    strategies = settings.strategies()
    if not settings.model:
        raise SettingsError(["--model: missing. Give a hub id, a local folder or `minilm`."])
    corpus = load_corpus(settings.data_request())
    for note in corpus.notes:
        listener.said(note)
    for finding in corpus.findings:
        listener.said(f"{finding.severity}: {finding}")
    task = task or choose_task(corpus, settings)
    for unused in settings.unused_settings(corpus.task):
        listener.said(unused)
    device = device or _device()
    everything = [prepare(model, corpus, task, settings, device) for model in dict.fromkeys(settings.model)]
    _check_metric(everything[0].metric, task.score([], []))
    fitting = {
        prepared.model_name: _check_strategies(prepared, strategies, settings, listener) for prepared in everything
    }
    output = settings.output or Path(f"unfreeze-{slug(corpus.name)}")
    claim_output(output, overwrite=settings.overwrite)
    _write_inputs(output, settings)
    for prepared in everything:
        for note in prepared.notes:
            listener.said(note)

    cells = [
        Cell(prepared.model_name, strategy, seed)
        for prepared in everything
        for strategy in fitting[prepared.model_name]
        for seed in range(settings.seed, settings.seed + settings.seeds)
    ]
    several = len(everything) > 1
    what_trains = {
        f"{model}: {strategy}" if several else str(strategy): words
        for model, known in fitting.items()
        for strategy, words in known.items()
    }
    listener.planned(cells, what_trains)
    data, notes = _data_summary(corpus, everything[0]), _command_notes(everything)
    prepared_by_model = {prepared.model_name: prepared for prepared in everything}
    for number, cell in enumerate(cells, start=1):
        listener.run_started(cell, number)
        record = _run_cell(cell, prepared_by_model[cell.model], corpus, settings, output, listener)
        listener.run_finished(cell, record)
        if number < len(cells):
            # If the program dies later, the finished runs can be reported and used; the tests of pairs come at the end.
            conclude(output, data, notes, pairs=False)
    return conclude(output, data, notes)


def _run_cell(
    cell: Cell, prepared: Prepared, corpus: Corpus, settings: Settings, output: Path, listener: Listener
) -> RunRecord:
    identity = json.dumps(
        [corpus.sha256, prepared.model_name, str(cell.strategy), _identity(settings)], sort_keys=True, default=str
    )
    folder = run_folder(output, cell.model, str(cell.strategy), identity, cell.seed)
    try:
        return run(
            cell.strategy,
            cell.seed,
            prepared,
            settings,
            folder,
            output=output,
            data_name=corpus.name,
            on_progress=lambda progress: listener.progressed(cell, progress),
        )
    except Exception as error:
        # One broken cell must not cost the others, whatever broke; the record keeps the reason.
        drop_weights(folder / "checkpoints")
        record = RunRecord(
            strategy=str(cell.strategy),
            seed=cell.seed,
            model_name=cell.model,
            task=prepared.task.name,
            status="failed",
            error=f"{type(error).__name__}: {error}",
            selection_metric=prepared.metric,
        )
        write_record(folder, record)
        return record


def _check_metric(metric: str, known: dict[str, float]) -> None:
    if metric not in known:
        raise SettingsError(
            [f"--metric-for-best-model {metric}: this task has {', '.join(sorted(known))}. Higher must be better."]
        )


def _check_strategies(
    prepared: Prepared, strategies: Sequence[Strategy], settings: Settings, listener: Listener
) -> dict[Strategy, str]:
    """The strategies this network can follow, with what each one trains in words.

    Impossible ones are refused before anything trains, all at once; if nobody asked for them (the default strategies),
    they are left out and that is said.
    """
    import torch

    mistakes: list[str] = []
    said: dict[Strategy, str] = {}
    for strategy in strategies:
        loaded = load_network(prepared.model_name, prepared.task.auto_class, 0, **prepared.config_overrides)
        try:
            anatomy = take_anatomy(loaded.network)
            strategy.refuse(anatomy)
            with torch.random.fork_rng(devices=[]):
                strategy.adapt(loaded.network, anatomy)
        except StrategyError as error:
            mistakes.append(str(error))
            continue
        options = options_for(strategy, 0, settings, prepared.metric)
        trainables = Trainables(strategy, anatomy, loaded.new_parameters, options.epochs)
        how = f"learning rate {options.learning_rate:g}, at most {options.epochs} epochs"
        said[strategy] = f"{trainables.describe(loaded.network)}; {how}"
    if mistakes and "strategy" in settings.model_fields_set:
        raise StrategyError("\n".join(mistakes))
    for mistake in mistakes:
        listener.said(f"left out: {mistake}")
    return said


def _data_summary(corpus: Corpus, prepared: Prepared) -> dict[str, Any]:
    splits = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}
    return {
        "name": corpus.name,
        "sha256": corpus.sha256,
        "sizes": {name: len(examples) for name, examples in splits.items()},
        "labels": list(prepared.labels.names),
        "checks": [str(finding) for finding in corpus.findings],
        "notes": list(corpus.notes),
    }


def _command_notes(everything: Sequence[Prepared]) -> list[str]:
    return [note for prepared in everything for note in prepared.notes]


def _write_inputs(output: Path, settings: Settings) -> None:
    import yaml

    write_text(output / "settings.yaml", yaml.safe_dump(settings.written(), sort_keys=False, allow_unicode=True))
    write_json(output / "environment.json", describe_environment())


def _identity(settings: Settings) -> dict[str, Any]:
    """The settings that decide a run's result; which other strategies and seeds run beside it does not."""
    others = {"strategy", "seeds", "seed", "output", "overwrite", "model", "data"}
    return {name: value for name, value in settings.written().items() if name not in others}


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
