"""How long the examples of a split are and how often its labels occur, as `comparison.json` says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unfreeze.data.examples import Example
from unfreeze.evaluation.evaluate import Split

_BINS = 24


def length_distribution(splits: Mapping[str, Split]) -> dict[str, Any]:
    """`edges` of the bins, and for each split `counts` of its examples, `median`, `p95` and `longest`, in tokens.

    What is cut off is not in it; an example read in several windows has the tokens of all of them.
    """
    lengths = {name: _lengths(split) for name, split in splits.items()}
    longest = max((int(one.max()) for one in lengths.values() if len(one)), default=0)
    step = max(1, -(-longest // _BINS))
    edges = list(range(0, longest + step, step)) if longest else []
    return {
        "edges": edges,
        "splits": {
            name: {
                # A bin holds the lengths above its left edge, up to its right one.
                "counts": np.histogram(one - 0.5, bins=edges)[0].tolist(),
                "median": float(np.median(one)),
                "p95": float(np.percentile(one, 95)),
                "longest": int(one.max()),
            }
            for name, one in lengths.items()
            if len(one) and edges
        },
    }


def label_distribution(splits: Mapping[str, Sequence[Example]], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """By split how often each label occurs, in texts or in words; empty for tasks whose answers are no labels."""
    known = set(labels)
    counted = {}
    for name, examples in splits.items():
        found = Counter(label for example in examples for label in example.labels if label in known)
        if found:
            counted[name] = {label: found[label] for label in labels}
    return counted


def _lengths(split: Split) -> Any:
    """Tokens of each example that has a window."""
    tokens: Counter[int] = Counter()
    for window in split.encoded.features:
        tokens[window.example] += len(window.input_ids)
    return np.array(list(tokens.values()), dtype=np.int64)
