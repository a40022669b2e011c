"""The gradients of each step of a training, in this process or in several that `torchrun` started.

`python -m torch.distributed.run --nproc-per-node 2 shared_batches.py MODEL DATA OUTPUT` writes what the first one has.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file

from unfreeze.acceleration.joining import join
from unfreeze.acceleration.ranks import ALONE, Ranks
from unfreeze.experiments.ask import ask
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.listener import Listener
from unfreeze.settings.read import read_settings
from unfreeze.training.step import OptimizerStep

STRATEGIES = ("full", "gradual", "lora:r=2", "head", "freeze:first=1", "llrd", "bitfit")


def gradients(model: str, data: str, ranks: Ranks = ALONE, *, lacks: str | None = None) -> dict[str, Any]:
    """`strategy/step/parameter` -> its gradient, as the optimizer is about to use it.

    Args:
        lacks: in the second process there is room for three examples only, for their "activations" or for the "moments"
            after their gradients.
    """
    settings, _ = read_settings(
        {
            "model": model, "data": data, "strategy": STRATEGIES, "epochs": 3, "max_steps": 10, "learning_rate": 1e-3,
            "max_length": 32, "per_device_train_batch_size": 14, "speedups": "unpad+compact+cache",
        }
    )  # fmt: skip
    _, [prepared], fitting = ask(settings, Listener())
    found: dict[str, Any] = {}
    for strategy in fitting[model]:
        trainer = build_trainer(strategy, 42, prepared.among(ranks), settings, None)
        watched = _Watched(trainer.network, str(strategy), found)

        def loss(self: OptimizerStep, features: Any, indices: Any, of: Any = OptimizerStep._loss) -> Any:
            if lacks == "activations" and ranks.rank == 1 and len(indices) > 3:
                raise MemoryError
            return of(self, features, indices)

        def moments(self: OptimizerStep, parameters: Any, of: Any = OptimizerStep._make_moments) -> None:
            if lacks == "moments" and ranks.rank == 1 and self.micro_batch > 3:
                raise MemoryError
            of(self, parameters)

        with (
            patch.object(OptimizerStep, "_update", watched.update),
            patch.object(OptimizerStep, "_loss", loss),
            patch.object(OptimizerStep, "_make_moments", moments),
        ):
            trainer.train(prepared.train.encoded.features)
    return found


class _Watched:
    """Keeps the gradients of a network before each update."""

    def __init__(self, network: torch.nn.Module, name: str, found: dict[str, Any]) -> None:
        self.network, self.name, self.found, self.steps = network, name, found, 0
        update = OptimizerStep._update

        def watched(step: OptimizerStep, parameters: Any, norm: float) -> None:
            for parameter, one in self.network.named_parameters():
                if one.grad is not None:
                    self.found[f"{self.name}/{self.steps}/{parameter}"] = one.grad.detach().clone()
            self.steps += 1
            update(step, parameters, norm)

        self.update = watched


if __name__ == "__main__":
    torch.set_num_threads(1)
    model, data, output, *lacks = sys.argv[1:]
    together = join()
    mine = gradients(model, data, together, lacks=lacks[0] if lacks else None)
    save_file(mine, Path(output) / f"{together.rank}.safetensors")
