"""How long the examples of a split are and how often its labels occur, as `comparison.json` says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unfreeze.data.examples import Example
from unfreeze.data.excerpts import entity_counts
from unfreeze.data.tag_schemes import entity_type
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


def label_distribution(
    splits: Mapping[str, Sequence[Example]], labels: Sequence[str], scheme: str | None
) -> dict[str, dict[str, int]]:
    """By split how often each label occurs, in texts or in words; empty for tasks whose answers are no labels.

    Of tags in IOB2 the entities are counted by type: most words are in none, and `O` would press all types to nothing.
    The labels of training come first, then those that only other splits have, the most frequent first.
    """
    counts = {
        name: Counter(entity_counts(examples)) if scheme == "iob2" else Counter(_labels(examples))
        for name, examples in splits.items()
        if any(example.is_labelled for example in examples)
    }
    total = sum(counts.values(), Counter[str]())
    known = [entity_type(label) for label in labels] if scheme == "iob2" else labels
    names = dict.fromkeys(name for name in (*known, *(name for name, _ in total.most_common())) if name)
    return {split: {name: found[name] for name in names} for split, found in counts.items()} if total else {}


def _labels(examples: Sequence[Example]) -> Iterator[str]:
    return (label for example in examples for label in example.labels)


def _lengths(split: Split) -> Any:
    """Tokens of each example that has a window."""
    tokens: Counter[int] = Counter()
    for window in split.encoded.features:
        tokens[window.example] += len(window.input_ids)
    return np.array(list(tokens.values()), dtype=np.int64)
