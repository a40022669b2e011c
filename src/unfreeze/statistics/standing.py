"""How each strategy stands against the best one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unfreeze.statistics.candidates import Candidate
from unfreeze.statistics.verdict import NOT_ENOUGH

HAIR = 1e-9  # so that a mean exactly the margin away counts as within


@dataclass(frozen=True)
class Standing:
    """How a candidate stands against the best."""

    candidate: Candidate
    name: str
    gap: float  # how far its mean is behind the best's
    entry: Mapping[str, Any] | None  # the comparison with the best on validation, if there was one

    @property
    def is_worse(self) -> bool:
        """Whether it is shown to be worse than the best."""
        if self.entry is None:
            return False
        return bool(self.entry["verdict"] == ("worse" if self.entry["a"] == self.candidate.strategy else "better"))

    @property
    def is_undecided(self) -> bool:
        """Whether there was a comparison and not enough data."""
        return self.entry is not None and self.entry["verdict"] == NOT_ENOUGH

    @property
    def differs(self) -> bool:
        """Whether it is shown not to be equal to the best, though the difference may be within the margin."""
        return self.entry is not None and self.entry["p_value"] < 0.05

    @property
    def may_be_better_by(self) -> float:
        """How much better than the best it may be, by the interval of the pair; 0 where there was no comparison."""
        if self.entry is None:
            return 0.0
        ahead = self.entry["high"] if self.entry["a"] == self.candidate.strategy else -self.entry["low"]
        return max(0.0, float(ahead))

    @property
    def is_open(self) -> bool:
        """Whether it may be better than the best by more than what counts as equal."""
        return self.is_undecided and self.entry is not None and self.may_be_better_by > self.entry["margin"]

    def is_good_enough(self, margin: float) -> bool:
        """The rule of the recommendation."""
        return self.gap <= margin + HAIR and not self.is_worse


def entries_against(
    best: Candidate, others: Sequence[Candidate], comparisons: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any] | None]:
    """The entry of each other candidate against the best on validation; None where there is none, as across models."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in comparisons:
        if entry["split"] == "validation" and entry["model_name"] == best.model_name:
            if entry["a"] == best.strategy:
                found[entry["b"]] = entry
            elif entry["b"] == best.strategy:
                found[entry["a"]] = entry
    return [found.get(one.strategy) if one.model_name == best.model_name else None for one in others]
