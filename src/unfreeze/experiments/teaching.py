"""A strategy with a teacher: what its run begins with, what it learns from, and whether that can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unfreeze.experiments.prepare import Prepared
from unfreeze.models.anatomy import Anatomy, take_anatomy
from unfreeze.models.explained import ModelError
from unfreeze.models.extensions import recorded
from unfreeze.models.fewer_layers import fewer_layers, load_fewer_layers, number_of_layers
from unfreeze.models.input_length import longest_input
from unfreeze.models.load import LoadedNetwork, load_config, load_network, load_tokenizer
from unfreeze.models.skeleton import build_skeleton
from unfreeze.models.vocabulary import vocabulary_sha256
from unfreeze.strategies import Strategy, StrategyError
from unfreeze.tasks import Task
from unfreeze.training.criterion import Criterion
from unfreeze.training.flops import step_cost
from unfreeze.training.teacher import TaughtCriterion

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def load_start(
    strategy: Strategy, model: str, auto_class: str, seed: int, config_overrides: Mapping[str, Any]
) -> LoadedNetwork:
    """The weights that a run begins with: those of the model, or of the layers that a teacher gives.

    Raises:
        ModelError: they cannot be loaded.
    """
    taught = strategy.teaching
    if taught is None:
        return load_network(model, auto_class, seed, **config_overrides)
    return load_fewer_layers(taught.teacher, auto_class, taught.layers, seed, **config_overrides)


def start_skeleton(strategy: Strategy, prepared: Prepared) -> PreTrainedModel:
    """The network of `load_start` without its weights.

    Raises:
        StrategyError: the teacher cannot teach this.
    """
    task, overrides, taught = prepared.task, prepared.config_overrides, strategy.teaching
    if taught is None:
        return build_skeleton(prepared.model_name, task.auto_class, **overrides)
    try:
        layers = number_of_layers(taught.teacher, taught.layers)
        network = build_skeleton(taught.teacher, task.auto_class, **overrides | fewer_layers(taught.teacher, layers))
        misfit = _misfit(taught.teacher, prepared, network)
    except ModelError as error:
        raise StrategyError(f"{strategy}: {str(error).removeprefix('--model ')}") from None
    if misfit:
        raise StrategyError(f"{strategy}: {misfit}")
    return network


def _misfit(teacher: str, prepared: Prepared, network: PreTrainedModel) -> str:
    """Why this teacher cannot teach; empty: it can."""
    task, config = prepared.task, load_config(teacher)
    if type(task).soft_loss is Task.soft_loss:
        return f"{task.name} has nothing to learn from a teacher's answers."
    if recorded(config):
        names = ", ".join(str(one["name"]) for one in recorded(config))
        return f"the teacher is no stock network ({names}), and a student begins with its layers. Take another one."
    tokenizer = load_tokenizer(teacher)
    if vocabulary_sha256(tokenizer) != vocabulary_sha256(prepared.tokenizer):
        return f"the teacher splits texts into other pieces than {prepared.model_name}. Give --model as it was trained."
    longest = longest_input(config, tokenizer)
    if longest is not None and longest < prepared.max_length:
        return f"the teacher reads at most {longest} tokens, and --max-length is {prepared.max_length}."
    if type(network).__name__ not in (config.architectures or ()):
        return f"the teacher has no head for {task.name}. Train it first, for example with `unfreeze train`."
    wanted = prepared.config_overrides.get("id2label")
    if wanted is not None and {int(key): name for key, name in config.id2label.items()} != dict(wanted):
        theirs, ours = (", ".join(map(str, one.values())) for one in (config.id2label, wanted))
        return f"the labels of the teacher are {theirs}; those of the data are {ours}. They must be the same, in order."
    return ""


def refuse_adapters(strategy: Strategy, network: nn.Module, anatomy: Anatomy) -> None:
    """An adapter is saved without the network that it hangs on, and nobody else has that of a student.

    Raises:
        StrategyError: there is one.
    """
    if strategy.teaching is not None and any(
        anatomy.locate(name).part == "adapter" for name, _ in network.named_parameters()
    ):
        raise StrategyError(
            f"{strategy}: an adapter is loaded on the model that it was trained on, and a student is a new one. "
            "Train the student whole, or freeze some of its layers."
        )


def criterion_of(strategy: Strategy, prepared: Prepared) -> Criterion:
    """What a run of this strategy makes small; with a teacher the teacher is loaded."""
    task, taught = prepared.task, strategy.teaching
    if taught is None:
        return Criterion(task, prepared.label_weights)
    loaded = load_network(taught.teacher, task.auto_class, 0, **prepared.config_overrides)
    if loaded.new_parameters:
        raise StrategyError(f"{strategy}: the teacher lacks {min(loaded.new_parameters)}, which would be random.")
    teacher = loaded.network.to(prepared.collator.device)
    window, speedups = prepared.train.encoded.features[0], prepared.speedups
    return TaughtCriterion(
        task,
        prepared.label_weights,
        teacher=teacher,
        speedups=speedups.with_layers_read() if taught.hidden else speedups,
        cost=step_cost(teacher, take_anatomy(teacher), prepared.collator([window])),
        temperature=taught.temperature,
        alpha=taught.alpha,
        hidden=taught.hidden,
    )
