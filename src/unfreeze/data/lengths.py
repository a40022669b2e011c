"""How long examples are, in words and in characters."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from unfreeze.data.examples import Example

Unit = Literal["words", "characters"]
Lengths: TypeAlias = dict[Unit, list[int]]  # of the examples of a split, in their order
UNITS: tuple[Unit, Unit] = ("words", "characters")
POINTS = ("shortest", "percentile_25", "median", "percentile_75", "percentile_95", "longest")

_BINS = 24
_LONG_WORDS = 20  # characters a word: beyond that a script writes no blanks between its words


def lengths_of(examples: Sequence[Example]) -> Lengths:
    """The length of each example in both units, a question's with its context."""
    shown = [example.shown for example in examples]
    return {"words": [len(text.split()) for text in shown], "characters": [*map(len, shown)]}


def quantiles(lengths: Sequence[float]) -> dict[str, float | int | None]:
    """`total`, `mean` and the values under POINTS; None where there are no lengths.

    >>> quantiles([3, 1, 2])["median"], quantiles([])["longest"]
    (2, None)
    """
    ordered = sorted(lengths)
    if not ordered:
        return dict.fromkeys(("total", "mean", *POINTS))

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {
        "total": sum(ordered),
        "mean": round(statistics.fmean(ordered), 2),
        "shortest": ordered[0],
        "percentile_25": at(0.25),
        "median": statistics.median(ordered),
        "percentile_75": at(0.75),
        "percentile_95": at(0.95),
        "longest": ordered[-1],
    }


def natural_unit(splits: Mapping[str, Lengths]) -> Unit:
    """Characters for scripts that write no blanks between words, which words would say nothing of."""
    words, characters = (sum(sum(one[unit]) for one in splits.values()) for unit in UNITS)
    return "characters" if characters > _LONG_WORDS * words else "words"


def length_histogram(splits: Mapping[str, Lengths], unit: Unit) -> dict[str, Any]:
    """`edges` of the bins, the same for all splits, and the `counts` of each; a bin holds what is above its left edge,
    up to its right one. Where few examples are much longer than the others the last bin holds them too; how many they
    are is `longer`."""
    lengths = {name: one[unit] for name, one in splits.items() if one[unit]}
    ordered = sorted(length for one in lengths.values() for length in one)
    longest = ordered[-1] if ordered else 0
    usual = ordered[int(0.99 * (len(ordered) - 1))] if ordered else 0
    shown = usual if 0 < usual < longest / 2 else longest
    step = max(1, -(-shown // _BINS))
    edges = list(range(0, shown + step, step)) if shown else []
    counted = {}
    for name, found in lengths.items() if edges else ():
        counts = [0] * (len(edges) - 1)
        for length in found:
            counts[min(max(0, -(-length // step) - 1), len(counts) - 1)] += 1  # an empty text is among the shortest
        counted[name] = {"counts": counts}
    longer = sum(length > edges[-1] for length in ordered) if edges else 0
    return {"unit": unit, "edges": edges, "splits": counted, "longer": longer}
