"""A network that a strategy can train: with what its task adds, parameters placed, the changes of the strategy made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfreeze.experiments.teaching import refuse_adapters
from unfreeze.models.anatomy import Anatomy, take_anatomy
from unfreeze.models.architecture import Architecture, architecture_of
from unfreeze.strategies import Strategy
from unfreeze.tasks import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Adapted:
    """What is known of a network that a strategy has adapted."""

    anatomy: Anatomy  # taken before the strategy changed anything
    architecture: Architecture  # likewise
    as_loaded: int  # so many of the lowest layers give what they give in other runs; -1: not even the embeddings do


def adapt(
    strategy: Strategy, network: PreTrainedModel, task: Task, tokenizer: PreTrainedTokenizerBase | None, seed: int
) -> Adapted:
    """Change a network in place, with weights or without, to what the strategy trains.

    Args:
        tokenizer: None where the task attaches nothing.

    Raises:
        StrategyError: this network cannot follow the strategy.
        AnatomyError: its layers cannot be found.
    """
    if tokenizer is not None:
        task.attach(network, tokenizer, seed)
    anatomy = take_anatomy(network)
    architecture = architecture_of(network, anatomy)
    strategy.refuse(anatomy)
    before = {name: one._version for name, one in network.named_parameters()}
    config = network.config.to_dict()
    strategy.adapt(network, anatomy)
    refuse_adapters(strategy, network, anatomy)
    changed = [
        anatomy.locate(name).depth
        for name, one in network.named_parameters()
        if name in before and one._version != before[name]
    ]
    # With another configuration, layers started anew or those of a teacher nobody else computes the same.
    alike = network.config.to_dict() == config and strategy.teaching is None
    return Adapted(anatomy, architecture, min(changed, default=anatomy.layers_applied + 1) - 1 if alike else -1)
