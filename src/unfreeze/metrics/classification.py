"""Scores of one label for each item, equal to scikit-learn's with `zero_division=0`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, predicted and gold occurrences of one label."""

    true_positives: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        return self.true_positives / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.true_positives / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 where the label neither occurs nor is predicted."""
        total = self.predicted + self.gold
        return 2 * self.true_positives / total if total else 0.0

    def as_dict(self) -> dict[str, float]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "support": self.gold}


def classification_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Accuracy, macro and weighted precision, recall and F1, and Matthews' correlation coefficient.

    Averages run over the labels that occur in `gold` or `predicted`, as in scikit-learn. Empty input gives zeros.

    >>> scores = classification_scores(["a", "a", "b"], ["a", "b", "b"])
    >>> round(scores["accuracy"], 4), round(scores["macro_f1"], 4), round(scores["mcc"], 4)
    (0.6667, 0.6667, 0.5)
    """
    by_label = counts_by_label(gold, predicted)
    scores = {"accuracy": sum(g == p for g, p in zip(gold, predicted, strict=True)) / max(len(gold), 1)}
    for name in ("precision", "recall", "f1"):
        values = [(getattr(counts, name), counts.gold) for counts in by_label.values()]
        scores[f"macro_{name}"] = sum(value for value, _ in values) / max(len(values), 1)
        scores[f"weighted_{name}"] = sum(value * support for value, support in values) / max(len(gold), 1)
    scores["mcc"] = matthews(by_label.values(), len(gold))
    return scores


def scores_by_label(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support (gold occurrences) of each label, sorted by label.

    >>> scores_by_label(["a", "b"], ["a", "a"])["a"]
    {'precision': 0.5, 'recall': 1.0, 'f1': 0.6666666666666666, 'support': 1}
    """
    return {label: counts.as_dict() for label, counts in counts_by_label(gold, predicted).items()}


def counts_by_label(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, Counts]:
    """The counts that all scores are made of, for each label in `gold` or `predicted`.

    Raises:
        ValueError: the two differ in length.
    """
    right = Counter(g for g, p in zip(gold, predicted, strict=True) if g == p)
    golden, proposed = Counter(gold), Counter(predicted)
    return {label: Counts(right[label], proposed[label], golden[label]) for label in sorted(golden | proposed)}


def matthews(counts: Iterable[Counts], total: int) -> float:
    """Matthews' correlation for several classes (Gorodkin 2004, equation 8); 0 where it is undefined."""
    counts = list(counts)
    right = sum(c.true_positives for c in counts)
    covariance = right * total - sum(c.predicted * c.gold for c in counts)
    spread = (total**2 - sum(c.predicted**2 for c in counts)) * (total**2 - sum(c.gold**2 for c in counts))
    return covariance / sqrt(spread) if spread else 0.0
