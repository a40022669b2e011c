"""Two stages: the head alone, then everything."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Kind, Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Place

SECOND_STAGE_EPOCHS = 3  # as many as full fine-tuning has


@dataclass(frozen=True)
class TwoStage(Strategy):
    """The head trains alone at first, at a higher rate; then everything does.

    A new head is random, and its first gradients would push the pretrained weights about. In the first stage only the
    head and what lies under it (a pooler or the last norm) train, the head at `head_lr_mult` times the learning rate.
    From then on everything trains at the learning rate, and what thaws warms up anew. By default the second stage has
    3 epochs. A run of `head_epochs` epochs or fewer never reaches it: it trains the head alone, and says so before it
    starts.

    Use it where texts in use will differ from the training data: features that were not pushed about carry further.
    Not where one epoch is a large part of the training time: the first one changes nothing below the head.
    Cost: that of `head` in the first stage; in the second that of `full`, or of the openers it is composed with.
    Source: Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features (LP-FT); `fine_tune` of fastai.
    """

    name: ClassVar[str] = "two_stage"
    kind: ClassVar[Kind] = "closer"
    learning_rate: Annotated[float, "peak learning rate of the second stage"] = 2e-4
    head_epochs: Annotated[int, "epochs in which the head trains alone"] = 1
    head_lr_mult: Annotated[float, "multiplier on the head's rate in these epochs; lower it beside lora"] = 10.0

    def __post_init__(self) -> None:
        if self.head_epochs < 1:
            raise StrategyError(f"two_stage:head_epochs={self.head_epochs}: expected 1 epoch or more.")
        if not (self.head_lr_mult > 0 and isfinite(self.head_lr_mult)):
            raise StrategyError(f"two_stage:head_lr_mult={self.head_lr_mult}: expected more than 0.")

    @property
    def epochs(self) -> int:  # type: ignore[override]
        """Default number of epochs where the user sets none."""
        return self.head_epochs + SECOND_STAGE_EPOCHS

    def trains(self, place: Place, epoch: int) -> bool:
        return epoch >= self.head_epochs or place.from_top == 0

    def lr_scale(self, place: Place, epoch: int) -> float:
        # Not for a pooler: it is pretrained, and such a rate would undo that.
        return self.head_lr_mult if epoch < self.head_epochs and place.part == "head" else 1.0
