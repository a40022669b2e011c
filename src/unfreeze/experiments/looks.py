"""The looks at a growing number of seeds that a folder had planned, and the level of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unfreeze.settings import Settings, SettingsError
from unfreeze.statistics.spending import alpha_at


@dataclass(frozen=True)
class Looks:
    """What a folder knows of looks that were made: their plan must stand, and their levels are spent."""

    plan: tuple[int, int] | None = None  # the seeds of the first look, and at most so many
    made: int = 0
    unplanned: bool = False  # verdicts were given at the full level, without a plan

    @classmethod
    def of(cls, before: Mapping[str, Any], settings: Settings) -> Looks:
        """From the `comparison.json` of the folder before this command.

        Raises:
            SettingsError: other looks were planned for this folder.
        """
        told = before.get("until_decided")
        if not told:
            return cls(unplanned=bool(before.get("comparisons")))
        looks = cls((told["seeds"], told["max_seeds"]), told["look"], told["unplanned"])
        if settings.until_decided and looks.plan != (settings.seeds, settings.max_seeds):
            raise SettingsError(
                [
                    f"--seeds {settings.seeds} --max-seeds {settings.max_seeds}: for this folder looks were planned "
                    f"from {told['seeds']} to {told['max_seeds']} seeds, and their number must stand before the first. "
                    "Give these numbers, or choose another --output."
                ]
            )
        return looks

    @property
    def alpha(self) -> float:
        """The level of verdicts outside of looks: that of the last one, where some were planned."""
        return 0.05 if self.plan is None else look_levels(*self.plan)[self.made - 1]


def look_levels(seeds: int, max_seeds: int) -> list[float]:
    """The level of each look: the first at `seeds` seeds, one more with every seed added; they sum to 0.05."""
    looks = max_seeds - seeds + 1
    return [alpha_at(look, looks) for look in range(1, looks + 1)]
