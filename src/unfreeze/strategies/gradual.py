"""Gradual unfreezing: the layers thaw from the head down."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.strategies.strategy import Kind, Strategy, StrategyError

if TYPE_CHECKING:
    from unfreeze.models.anatomy import Anatomy, Place

EPOCHS_TO_TRAIN_ALL = 3  # after the last milestone: the epochs of full fine-tuning


@dataclass(frozen=True)
class Gradual(Strategy):
    """The head trains first, and in later epochs more and more layers with it, from the top down.

    In the first epoch only the head and what lies under it (a pooler or the last norm) train. After each epoch the next
    `layers_per_epoch` layers thaw; the embeddings count as one more layer below the lowest. Or give
    `milestones=1+3+5`: after 1, 3 and 5 epochs the next part of the layers thaws, in as many equal parts as there are
    milestones (the upper ones larger where it does not divide), the embeddings with the last. By default a run has 10
    epochs, or 3 after the last milestone. What no epoch reaches never trains: in 10 epochs all of 6 layers and the
    embeddings thaw, of 12 layers the top 9. Before it starts, a run says what will train.

    Use it where full fine-tuning forgets what was pretrained: few examples, or texts unlike those of pretraining.
    Not with few epochs: what thaws late trains little, and early stopping may end the run before. With an opener, as in
    `lora+gradual`, the epochs are the opener's; give `--epochs`.
    Cost: early epochs cost as little as `head`, late ones as much as `full`.
    Source: Howard and Ruder 2018, ULMFiT, section 3.3.
    """

    name: ClassVar[str] = "gradual"
    kind: ClassVar[Kind] = "closer"
    learning_rate: Annotated[float, "peak learning rate"] = 2e-4
    layers_per_epoch: Annotated[int, "layers that thaw after each epoch"] = 1
    milestones: Annotated[
        tuple[int, ...] | None, "instead: numbers of finished epochs after which the next part thaws, joined with +"
    ] = None

    def __post_init__(self) -> None:
        if self.layers_per_epoch < 1:
            raise StrategyError(f"gradual:layers_per_epoch={self.layers_per_epoch}: expected 1 layer or more.")
        if self.milestones is None:
            return
        if self.layers_per_epoch != 1:
            raise StrategyError("gradual: give layers_per_epoch or milestones, not both.")
        if not self.milestones or self.milestones[0] < 1 or sorted(set(self.milestones)) != list(self.milestones):
            raise StrategyError(f"{self}: expected rising numbers of epochs from 1 on, as in milestones=1+3+5.")

    @property
    def epochs(self) -> int:  # type: ignore[override]
        """Default number of epochs where the user sets none."""
        return 10 if self.milestones is None else self.milestones[-1] + EPOCHS_TO_TRAIN_ALL

    def refuse(self, anatomy: Anatomy) -> None:
        if anatomy.shared:
            raise StrategyError(
                f"{self}: the {anatomy.layers_applied} layers of {anatomy.model_type} share one set of weights, so "
                "they cannot thaw one by one. Use two_stage: the head first, then everything."
            )
        if self.milestones is not None and len(self.milestones) > anatomy.num_layers + 1:
            raise StrategyError(
                f"{self}: this encoder has {anatomy.num_layers} layers and the embeddings, too few for "
                f"{len(self.milestones)} parts. Give {anatomy.num_layers + 1} milestones or fewer."
            )

    def trains(self, place: Place, epoch: int) -> bool:
        # By depth and not by part: an adapter on a frozen layer is frozen with it.
        return place.from_top <= self._thawed(epoch, place.num_layers)

    def _thawed(self, epoch: int, num_layers: int) -> int:
        """How many layers train, counted from the top; the embeddings are the lowest."""
        if self.milestones is None:
            return epoch * self.layers_per_epoch
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return ceil(passed * (num_layers + 1) / len(self.milestones))
