"""Every strategy against every other, as `comparison.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from unfreeze.statistics.bootstrap import Array, Score, difference_of_scores, resampled_scores
from unfreeze.statistics.verdict import holm, judge


def compare_pairs(
    runs_counts: Mapping[str, Array],
    score: Score,
    *,
    model_name: str,
    split: str,
    metric: str,
    margin: float = 0.01,
    repetitions: int = 5000,
    seed: int = 0,
    confidence: float = 0.95,
) -> list[dict[str, Any]]:
    """All pairs of strategies, in the order of `runs_counts`; `difference` is a's score minus b's.

    Each is an entry of `comparisons` in `comparison.json`: a, b, model_name, split, metric, difference, low,
    high, p_value, verdict. The p-values are Holm-corrected for the number of pairs; "better" and "worse" also
    need a corrected p-value below 1 - `confidence`, else among many pairs some would be found by chance. The
    intervals are of each pair alone. `repetitions` is above the bootstrap's default because Holm multiplies
    the smallest p-value that drawing can show.

    Args:
        runs_counts: strategy to counts of shape (seeds, examples, counts), all of the same examples in the
            same order.
    """
    names = list(runs_counts)
    counts = [np.asarray(runs_counts[name], dtype=np.float64) for name in names]
    resampled = resampled_scores(counts, score, repetitions=repetitions, seed=seed)
    scores = [score(one.sum(axis=1)) for one in counts]
    pairs = list(combinations(range(len(names)), 2))
    differences = [
        difference_of_scores(scores[a], scores[b], resampled[a], resampled[b], seed=seed, confidence=confidence)
        for a, b in pairs
    ]
    entries = []
    for (a, b), found, p_value in zip(pairs, differences, holm([d.p_value for d in differences]), strict=True):
        verdict = judge(found, margin=margin)
        if verdict in ("better", "worse") and p_value >= 1 - confidence:
            verdict = "undecided"
        entry: dict[str, Any] = {"a": names[a], "b": names[b], "model_name": model_name, "split": split}
        entry |= {"metric": metric, "difference": found.difference, "low": found.low, "high": found.high}
        entries.append(entry | {"p_value": p_value, "verdict": verdict})
    return entries
