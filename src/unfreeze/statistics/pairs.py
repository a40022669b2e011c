"""Every strategy against every other, as `comparison.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from unfreeze.statistics.bootstrap import Array, Score, resampled_scores
from unfreeze.statistics.difference import Difference, all_differences
from unfreeze.statistics.needed import examples_needed, seeds_needed
from unfreeze.statistics.reason import reason_for
from unfreeze.statistics.verdict import (
    EXAMPLES_AND_SEEDS,
    NOT_ENOUGH,
    WEIGHTS_ONLY,
    holm,
    judge,
    most_ties_in_doubt,
    ties_can_be_told,
)

_LEAST_REPETITIONS = 5000
_MOST_REPETITIONS = 50_000


def compare_pairs(
    runs_counts: Mapping[str, Array],
    score: Score,
    *,
    model_name: str,
    split: str,
    metric: str,
    margin: float = 0.01,
    alpha: float = 0.05,
    confidence: float = 0.95,
    repetitions: int | None = None,
    seed: int = 0,
    weights: npt.NDArray[np.float32] | None = None,
) -> list[dict[str, Any]]:
    """All pairs of strategies, in the order of `runs_counts`; `difference` is a's score minus b's.

    Each is an entry of `comparisons` in `comparison.json`: `a`, `b`, `model_name`, `split`, `metric`, `difference`,
    `low`, `high`, `p_value`, `verdict`, `margin`, and

    - `scope`: "these weights only" if a side has one seed, else "examples and seeds";
    - `reason`: one sentence on how the verdict follows from the numbers;
    - `needed`: None if there is a verdict; else {"seeds": n, "examples": m}, each enough by itself at the observed
      difference; None where no number of that kind alone would do, or where one seed leaves the spread unknown.

    Interval and chance are those of `difference.paired_difference`, with the spread between seeds of all strategies
    taken together (`seed_spread`). `low` and `high` are of each pair alone. `p_value` is Holm-corrected for the number
    of pairs, and "tie" is corrected too: at most a share `alpha` of comparisons says "better" or "worse" of any two
    equals, and at most a share `alpha` says "tie" of any two further apart than the margin.

    Args:
        runs_counts: strategy to counts of shape (seeds, examples, counts), all of the same examples in the same order.
        margin: what is as good as equal, in units of the metric.
        alpha: with looks at a growing number of seeds, that of this look: `spending.alpha_at`.
        repetitions: resampled test sets; by default enough for a p-value a quarter of the smallest that Holm can ask.
        weights: the resampled test sets themselves, as of `bootstrap.example_weights`.
    """
    names = list(runs_counts)
    counts = [np.asarray(runs_counts[name], dtype=np.float64) for name in names]
    pairs = list(combinations(range(len(names)), 2))
    if repetitions is None:
        repetitions = min(max(_LEAST_REPETITIONS, ceil(4 * len(pairs) / alpha)), _MOST_REPETITIONS)
    resampled = resampled_scores(counts, score, repetitions=repetitions, seed=seed, weights=weights)
    scores = [score(one.sum(axis=1)) for one in counts]
    differences = all_differences(scores, resampled, pairs)
    p_values = holm([found.p_value for found in differences])
    in_doubt = most_ties_in_doubt(len(names))
    # What Holm asks of the next pair that is to be decided.
    levels = {"alpha": alpha / max(1, sum(p >= alpha for p in p_values)), "tie_alpha": alpha / in_doubt}
    entries = []
    for (a, b), found, p_value in zip(pairs, differences, p_values, strict=True):
        examples = counts[a].shape[1]
        tie_p_value = min(1.0, in_doubt * found.chance.tail(margin - abs(found.difference)))
        if not ties_can_be_told(margin, examples):
            tie_p_value = 1.0
        verdict = judge(found.difference, p_value=p_value, tie_p_value=tie_p_value, alpha=alpha)
        low, high = found.interval(confidence)
        seeds = (len(counts[a]), len(counts[b]))
        entry: dict[str, Any] = {"a": names[a], "b": names[b], "model_name": model_name, "split": split}
        entry |= {"metric": metric, "difference": found.difference, "low": low, "high": high, "p_value": p_value}
        entry |= {"verdict": verdict, "margin": margin, "scope": WEIGHTS_ONLY if 1 in seeds else EXAMPLES_AND_SEEDS}
        entry["needed"] = _needed(found, seeds, examples, margin, levels) if verdict == NOT_ENOUGH else None
        entry["reason"] = reason_for(entry, pairs=len(pairs), alpha=alpha, examples=examples)
        entries.append(entry)
    return entries


def _needed(
    found: Difference, seeds: tuple[int, int], examples: int, margin: float, levels: Mapping[str, float]
) -> dict[str, int | None]:
    return {
        "seeds": None
        if 1 in seeds
        else seeds_needed(found.difference, found.parts, min(seeds), examples, margin=margin, **levels),
        "examples": examples_needed(found.difference, found.parts, examples, margin=margin, **levels),
    }
