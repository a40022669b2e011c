"""Where a run is: all that its next step depends on, but for the weights and the optimizer's moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from unfreeze.storage.environment import arithmetic
from unfreeze.storage.folders import OutputError
from unfreeze.storage.typed import typed


@dataclass
class RunState:
    """Grows while a run trains. Data order and dropout follow from seed, epoch and step: no generator is kept."""

    step: int = 0  # steps that are done
    epoch: int = 0
    position: int = 0  # batches of the epoch that are done
    evaluation_due: bool = False
    over: bool = False  # was that the last step?
    epoch_loss: float = 0.0  # summed over the epoch so far, with its units
    epoch_units: float = 0.0
    tokens: int = 0
    flops: float = 0.0
    scores: list[float] = field(default_factory=list)  # of all evaluations
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry for each of them
    best_step: int | None = None
    best_epoch: float | None = None
    seconds_to_best: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)  # by activity
    cache_fill_seconds: float | None = None  # that making the outputs of frozen layers took, in this or another run
    notes: list[str] = field(default_factory=list)  # what could not be done as planned
    micro_batch: int | None = None  # examples in a forward pass, where memory asked for fewer
    skipped: int = 0  # steps in a row whose loss or gradients were not finite
    decays: list[float] = field(default_factory=list)  # of the rows that the compact vocabulary leaves out
    decays_kept: int = 0
    cached: bool = False  # do the frozen layers come from the cache?
    head_alone: bool = False
    arithmetic: dict[str, Any] = field(default_factory=arithmetic)  # what the last digits depend on

    def turn_page(self, steps_per_epoch: int) -> None:
        """Begin the next epoch, if this one is over."""
        if self.position == steps_per_epoch:
            self.epoch, self.position, self.epoch_loss, self.epoch_units = self.epoch + 1, 0, 0.0, 0.0

    @property
    def epochs_begun(self) -> int:
        """Also the one that is not over."""
        return self.epoch + (self.position > 0)

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers come back as they were."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunState:
        """What `as_json` gave.

        Raises:
            OutputError: of another version, or nothing that a run wrote.
        """
        expected = {one.name for one in fields(cls)}
        if values.keys() != expected:
            raise OutputError(f"a state of another version of unfreeze: {sorted(expected ^ values.keys())}")
        return typed(cls, values, "no state of a run")
