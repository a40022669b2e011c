"""Scores on resampled examples: what the metric would have been on other test sets of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Score = Callable[[Array], Array]  # summed counts (..., counts) -> scores (...)

_CHUNK_NUMBERS = 4_000_000  # numbers held at once for resampling: at most 32 MB
_EXACT_IN_FLOAT32 = 2.0**24  # whole numbers up to here


def resampled_scores(
    counts: Sequence[Array],
    score: Score,
    *,
    repetitions: int = 2000,
    seed: int = 0,
    weights: npt.NDArray[np.float32] | None = None,
) -> list[Array]:
    """Scores on resampled examples, one array (repetitions, seeds) for each array (seeds, examples, counts).

    Examples are drawn with replacement (Efron & Tibshirani 1993, chapter 6). Row r of every result belongs to the same
    draw: comparing rows is a paired bootstrap (Koehn 2004). Memory stays near 32 MB whatever the sizes.

    Args:
        counts: as of `metrics.resampling.example_counts`, all of the same examples in the same order; the number of
            seeds may differ.
        score: the metric from summed counts, vectorised.
        weights: how often each example is drawn, shape (repetitions, examples), as of `example_weights`. Whoever
            compares many times on equally many examples draws them once; `repetitions` and `seed` are then not used.

    Raises:
        ValueError: the shapes do not belong together.
    """
    for one in counts:
        if one.ndim != 3 or one.shape[0] == 0 or one.shape[1] == 0:
            raise ValueError(f"counts must have the shape (seeds, examples, counts), none of them 0; was {one.shape}")
        if one.shape[1:] != counts[0].shape[1:]:
            raise ValueError(f"counts are not of the same examples: {counts[0].shape[1:]} and {one.shape[1:]}")
    if not counts:
        return []
    examples, width = counts[0].shape[1:]
    if weights is not None and weights.shape[1] != examples:
        raise ValueError(f"weights are for {weights.shape[1]} examples, the counts have {examples}")
    precision = _precision(counts)
    flat: list[npt.NDArray[Any]] = [one.transpose(1, 0, 2).reshape(examples, -1).astype(precision) for one in counts]
    widest = max(one.shape[1] for one in flat)
    rows = max(1, _CHUNK_NUMBERS // max(examples, widest))
    drawn = _drawn(seed, repetitions, examples, rows) if weights is None else _sliced(weights, rows)
    results: list[list[Array]] = [[] for _ in flat]
    for chunk in drawn:
        rows_drawn: npt.NDArray[Any] = chunk.astype(precision, copy=False)
        for one, result in zip(flat, results, strict=True):
            result.append(score((rows_drawn @ one).astype(np.float64).reshape(len(chunk), -1, width)))
    return [np.concatenate(result) for result in results]


def example_weights(examples: int, repetitions: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """How often each example is drawn, shape (repetitions, examples); every row sums to `examples`."""
    rows = max(1, _CHUNK_NUMBERS // examples)
    return np.concatenate(list(_drawn(seed, repetitions, examples, rows)))


def _drawn(seed: int, repetitions: int, examples: int, rows: int) -> Iterator[npt.NDArray[np.float32]]:
    generator = np.random.default_rng(seed)
    for start in range(0, repetitions, rows):
        count = min(rows, repetitions - start)
        # Counting is faster than drawing from a multinomial distribution.
        drawn = generator.integers(0, examples, size=(count, examples))
        drawn += np.arange(count)[:, None] * examples
        weights = np.bincount(drawn.ravel(), minlength=count * examples)
        yield weights.reshape(count, examples).astype(np.float32)


def _sliced(weights: npt.NDArray[np.float32], rows: int) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(weights), rows):
        yield weights[start : start + rows]


def _precision(counts: Sequence[Array]) -> type[np.float32] | type[np.float64]:
    """float32 multiplies twice as fast, and sums of small whole numbers are exact in it."""
    examples = counts[0].shape[1]
    exact = all(
        np.abs(one).max(initial=0) * examples < _EXACT_IN_FLOAT32 and np.array_equal(one, np.rint(one))
        for one in counts
    )
    return np.float32 if exact else np.float64
