"""What strategies do to a model, found out with one real step each and without training: for `unfreeze inspect`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.devices import default_device
from unfreeze.acceleration.precision import Precision
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Batch, Features
from unfreeze.batching.order import training_batches
from unfreeze.batching.window_file import token_counts
from unfreeze.data.labels import LabelSet
from unfreeze.data.sources import load_corpus
from unfreeze.experiments.adapted import adapt
from unfreeze.experiments.options import options_for
from unfreeze.experiments.prepare import choose_task, prepare
from unfreeze.experiments.teaching import load_start
from unfreeze.models.architecture import BYTES_PER_PARAMETER, BYTES_PER_TRAINED, Architecture
from unfreeze.models.explained import explained
from unfreeze.models.load import LoadedNetwork, load_config, load_tokenizer, model_path
from unfreeze.settings import Settings, SettingsError
from unfreeze.strategies import Strategy, StrategyError
from unfreeze.tasks import TASKS, Task
from unfreeze.training.gradient_flow import GradientFlow, gradient_flow
from unfreeze.training.parameters import Trainables

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

MADE_UP_LENGTH = 48  # tokens of a window where there is no data


@dataclass(frozen=True)
class Inspection:
    """One strategy on one model: its parameters, and one step of it."""

    model_name: str
    strategy: str
    trains: str  # in words
    trainable_parameters: int
    total_parameters: int
    learning_rate: float
    epochs: int
    architecture: Architecture
    training_bytes: int  # of all weights, and of gradients and AdamW's means of what trains; fp32, without activations
    flow: GradientFlow


@dataclass(frozen=True)
class _Step:
    """A batch to step on, and how its loss is computed."""

    task: Task
    batch: Batch
    precision: Precision
    label_weights: Tensor | None
    metric: str
    config_overrides: dict[str, Any]
    tokenizer: PreTrainedTokenizerBase | None = None  # None where nothing of the step needs one

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """The mean loss, as the loop computes it."""
        with self.precision.active(str(batch.labels.device)):
            outputs = network(**batch.inputs)
        loss, units = self.task.loss(outputs, batch, self.label_weights)
        return loss / units


def inspect_models(settings: Settings, say: Callable[[str], None], device: str | None = None) -> list[Inspection]:
    """Rehearse one step of every strategy on every model: on a batch of the data, or on a made-up one without data.

    A local folder with a `config.json` and no weights is inspected with random weights, which is said.

    Raises:
        SettingsError, DataError, ModelError, StrategyError: as a comparison would, all impossible strategies at once.
    """
    if not settings.model:
        raise SettingsError(["--model: missing. Give a hub id, a local folder or `minilm`."])
    strategies, device = settings.strategies(), device or default_device()
    steps = _steps_on_data(settings, say, device) if _names_data(settings) else _made_up_steps(settings, say, device)
    inspections: list[Inspection] = []
    mistakes: list[str] = []
    for model, step in steps.items():
        if not _has_weights(model):
            say(f"--model {model}: random weights: no checkpoint in the folder")
        for strategy in strategies:
            try:
                inspections.append(_inspect(model, strategy, step, settings, device))
            except StrategyError as error:
                mistakes.append(str(error))
    if mistakes and "strategy" in settings.model_fields_set:
        raise StrategyError("\n".join(dict.fromkeys(mistakes)))
    for mistake in mistakes:
        say(f"left out: {mistake}")
    return inspections


def _inspect(model: str, strategy: Strategy, step: _Step, settings: Settings, device: str) -> Inspection:
    loaded = _load(model, strategy, step, settings.seed)
    network = loaded.network
    adapted = adapt(strategy, network, step.task, step.tokenizer, settings.seed)
    network.to(device)
    options = options_for(strategy, settings.seed, settings, step.metric)
    trainables = Trainables(strategy, adapted.anatomy, loaded.new_parameters, options.epochs)
    trained, total = trainables.count(network)
    flow = gradient_flow(
        network,
        trainables,
        step.loss,
        step.batch,
        options.learning_rate,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        frozen_dropout=options.frozen_dropout,
    )
    words = trainables.describe(network)
    return Inspection(
        model,
        str(strategy),
        words,
        trained,
        total,
        options.learning_rate,
        options.epochs,
        adapted.architecture,
        BYTES_PER_PARAMETER * total + (BYTES_PER_TRAINED - BYTES_PER_PARAMETER) * trained,
        flow,
    )


def _load(model: str, strategy: Strategy, step: _Step, seed: int) -> LoadedNetwork:
    if _has_weights(model) or strategy.teaching is not None:
        return load_start(strategy, model, step.task.auto_class, seed, step.config_overrides)
    import torch
    import transformers

    config = load_config(model, **step.config_overrides)
    torch.manual_seed(seed)
    with explained(model, "config.json"):
        network = getattr(transformers, step.task.auto_class).from_config(config, dtype=torch.float32)
    return LoadedNetwork(network.eval(), frozenset())


def _has_weights(model: str) -> bool:
    """False for a local folder that holds a configuration only; whether a hub id has weights, its loading tells."""
    folder = Path(model_path(model))
    weights = [file for file in folder.glob("*") if file.suffix in (".safetensors", ".bin")]
    return not (folder / "config.json").is_file() or bool(weights)


def _names_data(settings: Settings) -> bool:
    return settings.data is not None or settings.train_file is not None


def _steps_on_data(settings: Settings, say: Callable[[str], None], device: str) -> dict[str, _Step]:
    """The first training batch of each model."""
    corpus = load_corpus(settings.data_request())
    for note in (*corpus.notes, *(f"{finding.severity}: {finding}" for finding in corpus.findings)):
        say(note)
    task = choose_task(corpus, settings)
    steps = {}
    for model in dict.fromkeys(settings.model):
        prepared = prepare(model, corpus, task, settings, device)
        features = prepared.train.encoded.features
        [first, *_] = training_batches(
            token_counts(features),
            settings.per_device_train_batch_size,
            seed=settings.seed,
            epoch=0,
            sampling=settings.train_sampling_strategy,
        )
        batch = prepared.collator([features[i] for i in first])
        steps[model] = _Step(
            task,
            batch,
            prepared.speedups.precision,
            prepared.label_weights,
            prepared.metric,
            prepared.config_overrides,
            prepared.tokenizer,
        )
        say(f"{model}: one step on {len(first)} windows of the training data, {batch.num_tokens:,} tokens")
        for note in prepared.notes:
            say(note)
    return steps


def _made_up_steps(settings: Settings, say: Callable[[str], None], device: str) -> dict[str, _Step]:
    """A batch of random token ids with random labels for each model; as many labels as its configuration has."""
    task = TASKS[settings.task or "classification"]()
    precision = Speedups.of(settings.levers, settings.precision, device).precision
    steps = {}
    for model in dict.fromkeys(settings.model):
        overrides = _made_up_config(task, model)
        config = load_config(model, **overrides)
        tokenizer = load_tokenizer(model) if task.attaches else None
        length = _made_up_length(settings, config)
        windows = _made_up_windows(task, settings.per_device_train_batch_size, length, config, settings.seed)
        say(
            f"{model}: no data named, so one step on a made-up batch for {task.name}: {len(windows)} windows of "
            f"{length} random tokens, {config.num_labels} labels. --data takes a real one, --task another task"
        )
        corrupt = None if tokenizer is None else task.corruption(tokenizer)
        collator = Collator(int(config.pad_token_id or 0), device, task.token_labels, corrupt)
        batch = collator(windows)
        steps[model] = _Step(task, batch, precision, None, task.selection_metric, overrides, tokenizer)
    say(precision.reason)
    return steps


def _made_up_config(task: Task, model: str) -> dict[str, Any]:
    """What the task asks of the configuration, whatever the model was saved for; labels that only data would tell are
    those that the model has."""
    if task.has_labels:
        return {}
    own = task.labels(())
    return task.config(own if len(own) else LabelSet.from_mapping(load_config(model).id2label))


def _made_up_length(settings: Settings, config: Any) -> int:
    wanted = settings.max_length or MADE_UP_LENGTH
    # Two positions are kept back: some families count theirs from behind the padding index.
    return min(wanted, int(getattr(config, "max_position_embeddings", None) or wanted + 2) - 2)


def _made_up_windows(task: Task, windows: int, length: int, config: Any, seed: int) -> Sequence[Features]:
    rng, padding = random.Random(seed), int(config.pad_token_id or 0)
    made_up = []
    for i in range(windows):
        # Any token but the padding: some families count positions by it.
        ids = [(padding + 1 + rng.randrange(config.vocab_size - 1)) % config.vocab_size for _ in range(length)]
        made_up.append(Features(i, ids, task.random_labels(rng, length, config.num_labels), range(length)))
    return made_up
