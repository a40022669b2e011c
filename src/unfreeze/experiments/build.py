"""From pretrained weights to a network that is ready to train with one strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from unfreeze.batching.window_file import token_counts
from unfreeze.experiments.adapted import adapt
from unfreeze.experiments.options import options_for, shortened
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.teaching import criterion_of, load_start
from unfreeze.settings import Settings
from unfreeze.strategies import Strategy
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.loop import Trainer
from unfreeze.training.parameters import Trainables
from unfreeze.training.result import Progress
from unfreeze.training.stopping import raise_if_asked_to_stop


def build_trainer(
    strategy: Strategy,
    seed: int,
    prepared: Prepared,
    settings: Settings,
    checkpoints: Checkpoints | None,
    *,
    learning_rate: float | None = None,
    share: float = 1.0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Trainer:
    """Load the network, let the strategy adapt it, and put everything together that the loop needs.

    Args:
        learning_rate: what a search found, in place of the strategy's.
        share: of the run's training.
    """
    task, device = prepared.task, prepared.collator.device
    loaded = load_start(strategy, prepared.model_name, task.auto_class, seed, prepared.config_overrides)
    network = loaded.network
    network.config.unfreeze = prepared.usage(settings)
    adapted = adapt(strategy, network, task, prepared.tokenizer, seed)
    network.to(device)
    lengths = token_counts(prepared.train.encoded.features)
    options = options_for(strategy, seed, settings, prepared.metric, lengths, learning_rate=learning_rate)
    # What trains is a question of the whole run, also where only a share of it is made.
    trainables = Trainables(strategy, adapted.anatomy, loaded.new_parameters, options.epochs)
    evaluator = replace(prepared.evaluator, between=raise_if_asked_to_stop)
    criterion, speedups = criterion_of(strategy, prepared), prepared.speedups
    if criterion.reads_layers:
        speedups = speedups.with_layers_read()
    return Trainer(
        network,
        trainables,
        criterion,
        prepared.collator,
        speedups,
        options if share == 1 else shortened(options, share, len(lengths)),
        lambda current: evaluator.evaluate(current, prepared.validation, calibrate=True),
        checkpoints,
        on_progress,
        prepared.used_ids,
        prepared.validation.encoded.features,
        [depth for depth in prepared.cache_depths if depth <= adapted.as_loaded],
        prepared.ranks,
    )
