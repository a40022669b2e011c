"""What the loop tells of a run: after each step, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.training.run_state import RunState


@dataclass(frozen=True)
class Progress:
    """What the loop says after each step; `metrics` only right after an evaluation.

    `learning_rate` is that of the step, the highest where groups of weights differ; None where a run that is gone on
    with has made no step yet.
    """

    step: int
    total_steps: int
    epoch: float
    loss: float
    metrics: dict[str, float] | None = None
    learning_rate: float | None = None


@dataclass
class TrainingResult:
    """What a training measured, as far as it came. Once it is finished the network holds the selected weights."""

    state: RunState = field(default_factory=RunState)
    ended: bool = False  # is training over, and its best evaluation selected?
    best: Evaluation | None = None  # the selected evaluation on validation
    converged: bool | None = None
    cache_seconds: float | None = None  # finding or filling the cache of frozen layers

    @property
    def train_seconds(self) -> float:
        """Of optimisation only."""
        return self.state.seconds.get("train", 0.0)

    @property
    def evaluate_seconds(self) -> float:
        return self.state.seconds.get("evaluate", 0.0)

    @property
    def fit_seconds(self) -> float:
        """Of optimisation, the evaluations in it and filling the cache, as if the run stood alone."""
        return self.train_seconds + self.evaluate_seconds + (self.state.cache_fill_seconds or 0.0)

    @property
    def save_seconds(self) -> float:
        """Of states to resume from and of the best weights."""
        return self.state.seconds.get("save", 0.0)
