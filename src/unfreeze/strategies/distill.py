"""A smaller network that a trained one teaches."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, ClassVar

from unfreeze.strategies.strategy import Strategy, StrategyError
from unfreeze.strategies.teaching import Teaching


@dataclass(frozen=True)
class Distill(Strategy):
    """A network of fewer layers learns what a trained model, its teacher, answers: `distill:teacher=DIR,layers=3`.

    It begins with layers of the teacher, as far apart as can be, and with its embeddings and head. The loss is
    `(1 - alpha)` times that of the labels and `alpha` times the divergence from the teacher's softened answers;
    `hidden` adds the distance between the outputs of its layers and the teacher's at the same share of its depth.
    Attention patterns are not compared. In `unfreeze pretrain` a model of the same objective teaches as well, for
    hidden tokens `--strategy distill:teacher=bert-base-uncased,layers=6`; only replaced tokens have no teacher.

    Use it once you know the strategy that answers best, to have nearly its scores in a fraction of its time.
    Not where the teacher is hardly better than `full` on a network of that size, or answers fast enough.
    Cost: each step runs the teacher forward beside the student's own step.
    Source: Hinton et al. 2015, section 2; hidden states: Jiao et al. 2020, TinyBERT, equation 8; the choice of layers:
    Shleifer and Rush 2020, Pre-trained Summarization Distillation, section 3.
    """

    name: ClassVar[str] = "distill"
    epochs: ClassVar[int] = 6
    learning_rate: Annotated[float, "peak learning rate"] = 2e-4
    teacher: Annotated[str, "folder of a trained model, or its hub id"] = ""
    layers: Annotated[int, "of the student; 0: half of the teacher's"] = 0
    temperature: Annotated[float, "by which both divide their logits before they are compared"] = 2.0
    alpha: Annotated[float, "share of the teacher in the loss, from 0 to 1"] = 0.5
    hidden: Annotated[float, "weight of the distance between hidden states; 0 leaves them alone"] = 0.0

    def __post_init__(self) -> None:
        mistakes = []
        if not self.teacher:
            mistakes.append("distill: needs a teacher, as distill:teacher=DIR with the folder of a trained model.")
        if any(one in self.teacher for one in ",+"):
            mistakes.append(f"distill:teacher={self.teacher}: a comma or + in the path is read as the next setting.")
        if self.layers < 0:
            mistakes.append(f"distill:layers={self.layers}: expected 1 or more, or 0 for half of the teacher's.")
        if not (isfinite(self.temperature) and self.temperature > 0):
            mistakes.append(f"distill:temperature={self.temperature:g}: expected a number above 0; 1 softens nothing.")
        if not 0 <= self.alpha <= 1:
            mistakes.append(f"distill:alpha={self.alpha:g}: expected a number from 0 to 1.")
        if not (isfinite(self.hidden) and self.hidden >= 0):
            mistakes.append(f"distill:hidden={self.hidden:g}: expected 0 or more.")
        if mistakes:
            raise StrategyError("\n".join(mistakes))

    @property
    def teaching(self) -> Teaching:
        return Teaching(self.teacher, self.layers, self.temperature, self.alpha, self.hidden)
