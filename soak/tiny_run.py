"""A network of two layers and a few steps of training, without a program around them: what a state consists of."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from unfreeze.models.anatomy import take_anatomy
from unfreeze.strategies import STRATEGIES
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.checkpoint import Checkpoints, Saved
from unfreeze.training.parameters import Trainables
from unfreeze.training.run_state import RunState


class TinyRun:
    """Saves states of a run whose weights are the step's number, so that a restored one can be told."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=16,
        )  # fmt: skip
        self.network = BertForSequenceClassification(config)
        anatomy = take_anatomy(self.network)
        [strategy] = parse_strategies("full", STRATEGIES)
        self.trainables = Trainables(strategy, anatomy, frozenset(), 1)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), fused=True)
        self.checkpoints = Checkpoints(folder, every=1)
        self.best: int | None = None  # step of the weights that this process has kept as the best

    def save(self, step: int) -> None:
        """A state after this step, with new best weights every second step."""
        self._fill(step)
        if step % 2 == 0:
            self.checkpoints.save_best(step, self.network, self.trainables)
            self.best = step
        state = RunState(step=step, best_step=step - step % 2 or None)
        self.checkpoints.save(state, self.network, self.trainables, self.optimizer)

    def can_end(self) -> bool:
        """Are the best weights that this process has kept to be had?"""
        if self.best is None:
            return True
        try:
            self.checkpoints.load_best(self.best, self.network)
        except OSError:
            return False
        return all(_is(one, self.best) for one in self.network.parameters())

    def found(self) -> int | None:
        """The step of the newest whole state; None: there is none.

        Raises:
            AssertionError: what was restored is not what was saved.
        """
        saved, _ = self.checkpoints.newest()
        if saved is None:
            return None
        self._holds(saved)
        return saved.state.step

    def _fill(self, step: int) -> None:
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.fill_(step)
                moments = {name: torch.full_like(parameter, step) for name in ("exp_avg", "exp_avg_sq")}
                self.optimizer.state[parameter] = {"step": torch.tensor(float(step)), **moments}

    def _holds(self, saved: Saved) -> None:
        self._fill(-1)
        saved.restore(self.network, self.optimizer)
        step, best = saved.state.step, saved.state.best_step
        assert all(_is(one, step) for one in self.network.parameters()), "weights"
        assert all(_is(one, step) for kinds in self.optimizer.state.values() for one in kinds.values()), "moments"
        if best is not None:
            self.checkpoints.load_best(best, self.network)
            assert all(_is(one, best) for one in self.network.parameters()), "best weights"


def _is(tensor: torch.Tensor | nn.Parameter, value: int) -> bool:
    return bool((tensor == value).all())
