"""What a comparison is asked for, read and checked: all that can be refused is refused here, before any weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from unfreeze.acceleration.devices import default_device
from unfreeze.data.findings import DataError, Finding
from unfreeze.data.sources import Corpus, load_corpus
from unfreeze.experiments.fitting import fitting_strategies, misfits
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.prepare import Prepared, choose_task, prepare
from unfreeze.settings import Settings, SettingsError, unused_settings
from unfreeze.strategies import Strategy
from unfreeze.tasks import Task


def ask(
    settings: Settings, listener: Listener, task: Task | None = None, device: str | None = None
) -> tuple[Corpus, list[Prepared], dict[str, list[Strategy]]]:
    """Read the data, prepare it for every model, and see which strategies fit: all that can be refused is here.

    Raises:
        SettingsError, DataError, ModelError, StrategyError: before any weights are loaded.
    """
    if not settings.model:
        raise SettingsError(["--model: missing. Give a hub id, a local folder or `minilm`."])
    strategies = settings.strategies()
    twice = [name for name, number in Counter(map(str, strategies)).items() if number > 1]
    if twice:  # their runs would have one folder
        raise SettingsError(
            [
                f"--strategy {name}: two different strategies are called that. Give one a `name` of its own."
                for name in twice
            ]
        )
    corpus = _load(settings)
    for note in corpus.notes:
        listener.said(note)
    for finding in corpus.findings:
        listener.said(f"{finding.severity}: {finding}")
    task = task or choose_task(corpus, settings)
    for unused in unused_settings(settings, corpus.task):
        listener.said(unused)
    device = device or _device(settings)
    everything = [prepare(model, corpus, task, settings, device) for model in dict.fromkeys(settings.model)]
    _check_metric(everything[0].metric, task, settings.until_decided)
    fitting = fitting_strategies(everything, strategies, settings, listener.said)
    everything = [
        replace(prepared, cache_depths=tuple(sorted({*fitting[prepared.model_name].values()} - {0})))
        for prepared in everything
    ]
    for prepared in everything:
        for note in prepared.notes:
            listener.said(note)
    return corpus, everything, {model: list(strategies) for model, strategies in fitting.items()}


def _load(settings: Settings) -> Corpus:
    """The corpus; where its data are at fault, what does not fit the models is told with that."""
    try:
        return load_corpus(settings.data_request())
    except DataError as error:
        # Of a model on the hub nothing is fetched for a command that ends here.
        here = [model for model in settings.model if model == "minilm" or Path(model).is_dir()]
        named = settings.strategy if "strategy" in settings.model_fields_set else ()
        told = misfits({"model": here, "strategy": named, "task": settings.task})
        raise DataError([*error.findings, *(Finding("error", "misfit", one) for one in told)]) from None


def _check_metric(metric: str, task: Task, until_decided: bool) -> None:
    known = [name for name in task.score([], []) if name not in task.errors]
    if metric not in known:
        raise SettingsError(
            [f"--metric-for-best-model {metric}: this task has {', '.join(sorted(known))}. Higher must be better."]
        )
    if until_decided and metric not in task.resampled:
        known_verdicts = ", ".join(name for name in task.resampled if name in known)
        raise SettingsError(
            [f"--until-decided --metric-for-best-model {metric}: verdicts are there for {known_verdicts}. Choose one."]
        )


def _device(settings: Settings) -> str:
    found = default_device()
    if settings.launcher == "ray" and settings.gpus_per_run and found == "cpu":
        raise SettingsError(
            [
                f"--gpus-per-run {settings.gpus_per_run:g}: this machine prepares the runs and has no CUDA device. "
                "Start the comparison on one that has, or leave it out."
            ]
        )
    return found if settings.launcher != "ray" or settings.gpus_per_run else "cpu"
