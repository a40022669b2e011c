"""Why a pair got its verdict, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.statistics.verdict import LEAST_WITHIN_MARGIN, ties_can_be_told


def reason_for(entry: Mapping[str, Any], *, pairs: int, alpha: float, examples: int) -> str:
    """The sentence for an entry of `compare_pairs` that has its numbers and its verdict.

    The interval is of the pair alone, the verdict is corrected for all pairs; where the two seem to disagree, it says
    so.

    Args:
        pairs: how many pairs were compared at once.
        alpha: the level of the comparison.
        examples: of the test set.
    """
    low, high, margin = entry["low"], entry["high"], entry["margin"]
    corrected = "" if pairs == 1 else f", corrected for {pairs} pairs"
    p_value = f"p = {_p(entry['p_value'])}{corrected}"
    verdict = entry["verdict"]
    if verdict in ("better", "worse"):
        winner, loser = (entry["a"], entry["b"]) if verdict == "better" else (entry["b"], entry["a"])
        return (
            f"{winner} scores {abs(entry['difference']):.4f} more than {loser}, and that is beyond chance ({p_value})."
        )
    if verdict == "tie":
        return f"Whatever difference there is, it is smaller than the margin of {margin:g}{corrected}."
    excludes_zero = low > 0 or high < 0
    within = -margin <= low and high <= margin
    if within and not ties_can_be_told(margin, examples):
        return (
            f"The interval lies within the margin of {margin:g}, but {examples} examples are too few to be sure of "
            f"that: the margin is worth {margin * examples:.3g} of them, and it takes {LEAST_WITHIN_MARGIN}."
        )
    if excludes_zero and within:
        return (
            f"The interval excludes 0 and lies within the margin of {margin:g}, but it is of this pair alone: "
            f"{_standard(pairs, alpha)}, neither is certain ({p_value})."
        )
    if excludes_zero:
        return (
            "The interval excludes 0, but it is of this pair alone: "
            f"{_standard(pairs, alpha)}, chance can do that ({p_value})."
        )
    if within:
        return (
            f"The interval lies within the margin of {margin:g}, but it is of this pair alone: "
            f"{_standard(pairs, alpha)}, it is too wide for a tie."
        )
    return f"The interval holds 0 and reaches beyond the margin of {margin:g}: equal or different, both are possible."


def _standard(pairs: int, alpha: float) -> str:
    """What the verdict asks for beyond the pair's own interval."""
    among = f"among {pairs} pairs" if pairs > 1 else ""
    level = f"at this look's level of {alpha:.2g}" if alpha < 0.05 else ""
    return " and ".join(filter(None, (among, level))) or "counted strictly"


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
