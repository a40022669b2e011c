"""How long examples are, in words and in characters."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from unfreeze.data.examples import Example, TaggedExample

Unit = Literal["words", "characters"]
POINTS = ("shortest", "percentile_25", "median", "percentile_75", "percentile_95", "longest")

_BINS = 24
_LONG_WORDS = 20  # characters a word: beyond that a script writes no blanks between its words


def lengths_in(examples: Sequence[Example], unit: Unit) -> list[int]:
    """The length of each example, a question's with its context."""
    if unit == "words":
        return [len(example.shown.split()) for example in examples]
    return [len(example.shown) for example in examples]


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


def natural_unit(splits: Mapping[str, Sequence[Example]]) -> Unit:
    """Characters for scripts that write no blanks between words, which words would say nothing of."""
    every = [example for examples in splits.values() for example in examples]
    if any(isinstance(example, TaggedExample) for example in every):
        return "words"
    words, characters = sum(lengths_in(every, "words")), sum(lengths_in(every, "characters"))
    return "characters" if characters > _LONG_WORDS * words else "words"


def length_histogram(splits: Mapping[str, Sequence[Example]], unit: Unit) -> dict[str, Any]:
    """`edges` of the bins, the same for all splits, and the `counts` of each; a bin holds what is above its left edge,
    up to its right one."""
    lengths = {name: lengths_in(examples, unit) for name, examples in splits.items() if examples}
    longest = max((max(one) for one in lengths.values()), default=0)
    step = max(1, -(-longest // _BINS))
    edges = list(range(0, longest + step, step)) if longest else []
    counted = {}
    for name, found in lengths.items() if edges else ():
        counts = [0] * (len(edges) - 1)
        for length in found:
            counts[max(0, -(-length // step) - 1)] += 1  # an empty text is among the shortest
        counted[name] = {"counts": counts}
    return {"unit": unit, "edges": edges, "splits": counted}
