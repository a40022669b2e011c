"""Which strategies a model can follow, asked of its configuration before any weights are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.batching.order import padding_share, training_batches
from unfreeze.batching.window_file import token_counts
from unfreeze.experiments.adapted import adapt
from unfreeze.experiments.options import options_for
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.teaching import start_skeleton
from unfreeze.experiments.trained_parts import trained_parts
from unfreeze.models.anatomy import AnatomyError, take_anatomy
from unfreeze.models.bundled import BundledEncoderError
from unfreeze.models.explained import ModelError
from unfreeze.models.load import load_network
from unfreeze.models.skeleton import build_skeleton
from unfreeze.settings import Settings
from unfreeze.settings.model import DEFAULT_STRATEGIES
from unfreeze.storage.folders import OutputError
from unfreeze.storage.records import read_record
from unfreeze.strategies import STRATEGIES, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies
from unfreeze.tasks import TASKS, Classification
from unfreeze.training.options import TrainingOptions
from unfreeze.training.parameters import Trainables

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Fit:
    """A strategy on a model."""

    words: str  # what trains
    trained_numbers: int
    kept_numbers: int  # in the saved model
    learning_rate: float
    epochs: int | None  # at most; None: as many as a budget of seconds has room for
    parts: list[dict[str, Any]]  # as `trained_parts` gives them


def words_by_name(fits: Mapping[str, Mapping[Strategy, Fit]]) -> dict[str, str]:
    """What each strategy trains, under the name that it has among these models."""
    return {
        f"{model}: {strategy}" if len(fits) > 1 else str(strategy): fit.words
        for model, here in fits.items()
        for strategy, fit in here.items()
    }


def trained_entries(fits: Mapping[str, Mapping[Strategy, Fit]]) -> list[dict[str, Any]]:
    """The entries of `trained_parts` in `comparison.json`."""
    return [
        {
            "model_name": model,
            "strategy": str(strategy),
            "learning_rate": fit.learning_rate,
            "epochs": fit.epochs,
            "parts": fit.parts,
        }
        for model, here in fits.items()
        for strategy, fit in here.items()
    ]


def fitting_strategies(
    everything: Sequence[Prepared], strategies: Sequence[Strategy], settings: Settings, said: Callable[[str], None]
) -> dict[str, dict[Strategy, int]]:
    """By model the strategies that it can follow, with how many of its lowest layers each freezes all the time.

    Strategies nobody asked for (the defaults) are left out where they do not fit, and that is said; a folder that a
    comparison of the defaults began names them in its settings.

    Raises:
        StrategyError: some that were asked for do not fit; all of them are named.
    """
    by_default = DEFAULT_STRATEGIES if set(DEFAULT_STRATEGIES) <= set(settings.written()["strategy"]) else ()
    mistakes: list[str] = []
    left_out: list[str] = []
    fitting: dict[str, dict[Strategy, int]] = {}
    for prepared in everything:
        fitting[prepared.model_name] = {}
        for strategy in strategies:
            if (taught := _taught_by(strategy, prepared.model_name, everything)) is not None:
                left_out.append(f"{strategy} on {prepared.model_name}: its teacher was trained from {taught}")
                continue
            try:
                tried = _try_on(prepared, strategy, settings)
                fitting[prepared.model_name][strategy] = tried.trainables.frozen_layers(tried.network)
            except StrategyError as error:
                (left_out if str(strategy) in by_default else mistakes).append(str(error))
    if mistakes:
        raise StrategyError("\n".join(dict.fromkeys(mistakes)))
    for mistake in dict.fromkeys(left_out):
        said(f"left out: {mistake}")
    return fitting


def _taught_by(strategy: Strategy, model: str, everything: Sequence[Prepared]) -> str | None:
    """The model that the teacher of a student was trained from, where that is another one of this comparison."""
    if strategy.teaching is None or len(everything) < 2:
        return None
    run = Path(strategy.teaching.teacher).expanduser()
    run = run.parent if run.name in ("model", "model-merged") else run
    with suppress(OutputError, OSError):
        taught = read_record(run).model_name
        return taught if taught != model and taught in {one.model_name for one in everything} else None
    return None


def what_trains(
    prepared: Prepared,
    strategies: Sequence[Strategy],
    settings: Settings,
    rates: Mapping[Strategy, float],
    said: Callable[[str], None],
) -> dict[Strategy, Fit]:
    """What each strategy trains, in words and numbers. Loads the weights once, to learn which of them are missing, and
    says which speedups the network takes.

    Args:
        rates: what a search found.
    """
    loaded = load_network(prepared.model_name, prepared.task.auto_class, 0, **prepared.config_overrides)
    lengths = token_counts(prepared.train.encoded.features)
    batches = training_batches(
        lengths,
        settings.per_device_train_batch_size,
        seed=settings.seed,
        epoch=0,
        sampling=settings.train_sampling_strategy,
    )
    speedups = prepared.speedups
    told = speedups.described(
        loaded.network,
        prepared.collator.device,
        padding_share(lengths, batches),
        prepared.used_ids,
        prepared.cache_depths,
        sum(split.encoded.num_tokens for split in prepared.splits.values()),
    )
    if told:
        said(told)
    return {
        strategy: _try_on(prepared, strategy, settings, loaded.new_parameters, rates.get(strategy)).fit(settings.budget)
        for strategy in strategies
    }


def misfits(values: Mapping[str, Any]) -> list[str]:
    """What of the strategies can be read and yet does not fit the models, said beside mistakes in other settings.

    Those stop a command before its data are read, so the task may be unknown; what depends on it is not asked.

    Args:
        values: settings as they were given, some of them wrong.
    """
    task = TASKS.get(str(values.get("task")), Classification)
    mistakes: list[str] = []
    for model in _several(values.get("model")):
        try:
            anatomy = take_anatomy(build_skeleton(str(model), task.auto_class))
        except (ModelError, AnatomyError, BundledEncoderError) as error:
            mistakes.append(str(error))
            continue
        for strategy in _readable(_several(values.get("strategy"))):
            try:
                strategy.refuse(anatomy)
            except StrategyError as error:
                mistakes.append(str(error))
    return list(dict.fromkeys(mistakes))


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value] if value else []


def _readable(written: Sequence[Any]) -> list[Strategy]:
    strategies: list[Strategy] = []
    for one in written:
        with suppress(StrategyError):  # what cannot be read is among the settings' mistakes
            strategies += [one] if isinstance(one, Strategy) else parse_strategies(str(one), STRATEGIES)
    return strategies


@dataclass(frozen=True)
class _Tried:
    """A strategy on a network without weights."""

    network: PreTrainedModel
    trainables: Trainables
    options: TrainingOptions

    def fit(self, budget: str | None) -> Fit:
        rate, epochs = self.options.learning_rate, self.options.epochs
        trained, total = self.trainables.count(self.network)
        most = f"at most {epochs} epochs" if budget is None else f"for {budget}"
        words = f"{self.trainables.describe(self.network)}; learning rate {rate:g}, {most}"
        parts = trained_parts(self.network, self.trainables, rate)
        return Fit(words, trained, total, rate, None if self.options.max_seconds is not None else epochs, parts)


def _try_on(
    prepared: Prepared,
    strategy: Strategy,
    settings: Settings,
    new_parameters: frozenset[str] = frozenset(),
    learning_rate: float | None = None,
) -> _Tried:
    import torch

    network = start_skeleton(strategy, prepared)
    with torch.random.fork_rng(devices=[]):
        anatomy = adapt(strategy, network, prepared.task, prepared.tokenizer, settings.seed).anatomy
    lengths = token_counts(prepared.train.encoded.features)
    options = options_for(strategy, settings.seed, settings, prepared.metric, lengths, learning_rate=learning_rate)
    return _Tried(network, Trainables(strategy, anatomy, new_parameters, options.epochs), options)
