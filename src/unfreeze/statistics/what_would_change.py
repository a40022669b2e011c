"""What would lead to another recommendation: more seeds or examples, or another margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Any

from unfreeze.statistics.candidates import Candidate, cost, is_cheaper
from unfreeze.statistics.standing import HAIR, Standing
from unfreeze.statistics.verdict import WEIGHTS_ONLY


def what_would_change(standings: Sequence[Standing], chosen: Candidate, best: str, *, margin: float) -> list[str]:
    """Sentences on what would change the recommendation; empty if neither data nor margin can.

    Args:
        standings: of all candidates with scores, the best among them.
        best: the best one's name.
    """
    here = next(one for one in standings if one.candidate is chosen)
    sentences = [
        f"If {one.name} proved better than {best} by more than {margin:g}, the recommendation would change: "
        f"{_enough(one.entry)}."
        for one in standings
        if one.is_open and one is not here
    ]
    if here.name != best:
        sentences += _if_not_as_good(here, standings, best, margin)
    for one in sorted(standings, key=lambda one: one.gap):
        if one.is_undecided and not one.is_good_enough(margin) and is_cheaper(one.candidate, chosen):
            sentences.append(
                f"{one.name} is cheaper, and its mean is {one.gap:.4f} behind that of {best}, but the data cannot tell "
                f"whether it is worse: {_enough(one.entry)}."
            )
    return sentences + _wider_margins(standings, here, margin)


def _if_not_as_good(here: Standing, standings: Sequence[Standing], best: str, margin: float) -> list[str]:
    """The recommended strategy is not the best one: what if it is worse, or that little counts as worse."""
    sentences = []
    others = [one for one in standings if one is not here and one.is_good_enough(margin)]
    if here.is_undecided:
        sentences.append(
            f"If {here.name} proved worse than {best}, {_cheapest(others).name} would be recommended: "
            f"{_enough(here.entry)}."
        )
    # Where a difference is shown, a tie within the margin may be a "worse" within a smaller one.
    stricter = [one for one in others if one.gap < here.gap - HAIR and not one.differs]
    if stricter:
        other = _cheapest(stricter)
        # Within a smaller margin still, that one is out too, and another would be.
        least = f"of at least {ceil(other.gap * 1e4) / 1e4:.4f} and" if other.gap > HAIR else ""
        margins = " ".join(filter(None, ["With a margin", least, f"below {here.gap:.4f}"]))
        sentences.append(f"{margins}, {other.name} would be recommended.")
    return sentences


def _wider_margins(standings: Sequence[Standing], here: Standing, margin: float) -> list[str]:
    """The cheaper strategies that come in as the margin grows, nearest first, each cheaper than those before."""
    sentences = []
    cheapest = here.candidate
    for one in sorted(standings, key=lambda one: one.gap):
        if one.gap > margin + HAIR and not one.is_worse and is_cheaper(one.candidate, cheapest):
            cheapest = one.candidate
            shown = ceil(one.gap * 1e4 - 1e-6) / 1e4
            sentences.append(f"With a margin of {shown:.4f} or more, {one.name} would be recommended.")
    return sentences


def _cheapest(standings: Sequence[Standing]) -> Standing:
    rivals = [one.candidate for one in standings]
    return min(standings, key=lambda one: (*cost(one.candidate, rivals), one.gap))


def _enough(entry: Mapping[str, Any] | None) -> str:
    """How many seeds or examples would decide, in words."""
    needed = (entry or {}).get("needed") or {}
    ways = [
        f"about {_rounded(needed[kind])} {noun}"
        for kind, noun in (("seeds", "seeds"), ("examples", "validation examples"))
        if needed.get(kind)
    ]
    if ways:
        return f"{' or '.join(ways)} would be likely to decide"
    if entry and entry.get("scope") == WEIGHTS_ONLY:
        return "with one seed it is unknown how many would decide, and more validation examples alone would not"
    return "neither more seeds alone nor more validation examples alone would decide it"


def _rounded(count: int) -> str:
    """Up to two digits: it is an order of magnitude."""
    step = 10 ** max(0, floor(log10(count)) - 1)
    return f"{ceil(count / step) * step:,}"
