"""Which label is taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

OTHER = "(all others)"


def confusion(pairs: Iterable[tuple[str, str]], *, most: int = 20) -> tuple[list[str], list[list[int]]]:
    """Counts of each (gold, predicted) pair: the labels, and rows of gold by columns of predicted labels.

    Args:
        most: so many labels at most, the most frequent in gold and answers; the rest is counted together as the last.

    >>> confusion([("a", "a"), ("a", "b"), ("b", "b")])
    (['a', 'b'], [[1, 1], [0, 1]])
    >>> confusion([("a", "a"), ("b", "c")], most=2)
    (['a', '(all others)'], [[1, 0], [0, 1]])
    """
    counts = Counter(pairs)
    seen: Counter[str] = Counter()
    for (gold, predicted), number in counts.items():
        seen[gold] += number
        seen[predicted] += number
    labels = sorted(seen)
    if len(labels) > most:
        labels = [*sorted(sorted(seen, key=lambda one: (-seen[one], one))[: most - 1]), OTHER]
    place = {label: i for i, label in enumerate(labels)}
    return labels, _filled(counts, place, labels)


def most_confused(pairs: Iterable[tuple[str, str]], *, most: int = 5) -> list[tuple[str, str, int, int]]:
    """The (gold, predicted) pairs that are wrong most often, each with how often, and with how often gold is there.

    >>> most_confused([("a", "a"), ("a", "b"), ("b", "b")])
    [('a', 'b', 1, 2)]
    """
    counts = Counter(pairs)
    golds: Counter[str] = Counter()
    for (gold, _), number in counts.items():
        golds[gold] += number
    wrong = [
        (gold, predicted, number, golds[gold]) for (gold, predicted), number in counts.items() if gold != predicted
    ]
    return sorted(wrong, key=lambda one: (-one[2], one[0], one[1]))[:most]


def _filled(counts: Counter[tuple[str, str]], place: dict[str, int], labels: Sequence[str]) -> list[list[int]]:
    matrix = [[0] * len(labels) for _ in labels]
    rest = len(labels) - 1
    for (gold, predicted), number in counts.items():
        matrix[place.get(gold, rest)][place.get(predicted, rest)] += number
    return matrix
