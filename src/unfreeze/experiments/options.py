"""How one run trains: the user's settings, with the strategy's defaults where the user set none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from math import ceil
from typing import Any, Literal

from unfreeze.batching.order import steps_for_tokens
from unfreeze.settings import Settings
from unfreeze.strategies import Combined, Strategy
from unfreeze.training.options import TrainingOptions
from unfreeze.training.timetable import Timetable

# With a budget of seconds nobody knows the number of epochs; what depends on it is asked about this many, and stays
# as in the last of them where there are more.
EPOCHS_WITHIN_SECONDS = 100

RateSource = Literal["default", "typed", "setting", "search"]


def options_for(
    strategy: Strategy,
    seed: int,
    settings: Settings,
    metric: str,
    lengths: Sequence[int] = (),
    *,
    learning_rate: float | None = None,
) -> TrainingOptions:
    """The loop's options.

    Args:
        lengths: tokens of each training window; a budget of steps or tokens is counted with them.
        learning_rate: what a search found; it goes before everything else.
    """
    shared = {f.name for f in fields(TrainingOptions)} & set(Settings.model_fields)
    values: dict[str, Any] = {name: getattr(settings, name) for name in shared}
    values["epochs"] = settings.epochs or strategy.epochs
    values["learning_rate"] = learning_rate or settings.learning_rate or strategy.learning_rate
    values["metric_for_best_model"] = metric
    values["seed"] = seed
    values["max_seconds"] = None
    return _within_budget(TrainingOptions(**values), settings, lengths)


def rate_source(strategy: Strategy, settings: Settings, learning_rate: float | None) -> RateSource:
    """Where the learning rate of `options_for` comes from."""
    if learning_rate is not None:
        return "search"
    if settings.learning_rate is not None:
        return "setting"
    opener = strategy.first_opener() if isinstance(strategy, Combined) else strategy
    return "default" if opener.learning_rate == _default_rate(opener) else "typed"


def _default_rate(strategy: Strategy) -> float | None:
    """None where a rate has to be given, as a strategy of a user's own may ask for."""
    fixed = [one.default for one in fields(strategy) if one.name == "learning_rate"]  # type: ignore[arg-type]
    if fixed:
        return None if fixed[0] is MISSING else float(fixed[0])
    # `discriminative` has no such field: its rate follows from other settings, which all have defaults.
    needed = any(one.init and one.default is MISSING and one.default_factory is MISSING for one in fields(strategy))  # type: ignore[arg-type]
    return None if needed else type(strategy)().learning_rate


def shortened(options: TrainingOptions, share: float, windows: int) -> TrainingOptions:
    """The same with a share of the training, and a schedule that ends with it."""
    if options.max_seconds is not None:
        return replace(options, max_seconds=share * options.max_seconds)
    return replace(options, max_steps=max(1, ceil(share * Timetable(options, windows).total_steps)))


def _no_more_epochs_than_steps(options: TrainingOptions, windows: int) -> TrainingOptions:
    """With `max_steps` the epochs that are reached: what trains may depend on them."""
    if options.max_steps is None or not windows:
        return options
    return replace(
        options, epochs=min(options.epochs, ceil(options.max_steps / Timetable(options, windows).steps_per_epoch))
    )


def _within_budget(options: TrainingOptions, settings: Settings, lengths: Sequence[int]) -> TrainingOptions:
    budget = settings.training_budget()
    if budget is None:
        return _no_more_epochs_than_steps(options, len(lengths))
    if budget.kind == "epochs":
        return replace(options, epochs=int(budget.amount))
    if budget.kind == "seconds":
        return replace(options, epochs=EPOCHS_WITHIN_SECONDS, max_seconds=budget.amount)
    steps = int(budget.amount)
    if not lengths:
        return options  # without data nothing is counted
    if budget.kind == "tokens":
        steps = steps_for_tokens(
            lengths,
            options.per_device_train_batch_size * options.gradient_accumulation_steps,
            int(budget.amount),
            seed=options.seed,
            sampling=options.train_sampling_strategy,
        )
    return replace(options, max_steps=steps, epochs=ceil(steps / Timetable(options, len(lengths)).steps_per_epoch))
