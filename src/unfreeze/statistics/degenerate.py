"""Models that learnt nothing but the most frequent answer, and the score that this answer gets by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, pstdev

Row = str | Sequence[str]  # one label for a text, or one tag for each word

_NEARLY_ALL = 0.99
_HARDLY_MOVES = 0.01  # of the spread of the right numbers


@dataclass(frozen=True)
class Baseline:
    """Answering `label` to everything, and what that scores."""

    label: str
    score: float


def degeneracy(gold: Sequence[Row], predicted: Sequence[Row], unit: str = "text") -> str | None:
    """Why the predictions of one run show that it learnt nothing, in words; None if they do not.

    It learnt nothing if it gives the same answer to everything, or to nearly everything and is right no more often
    than that one answer would be. In a task whose tags mark entities, finding none is enough. Where the gold labels
    are all the same, a constant answer is right, and nothing can be told.

    >>> degeneracy(["joy", "anger", "joy"], ["joy", "joy", "joy"])
    'predicts joy for every text'
    >>> degeneracy([["B-PER", "O"]], [["O", "O"]])
    'finds no entity at all'
    >>> degeneracy(["joy", "anger", "joy"], ["joy", "anger", "anger"])
    """
    gold_labels, answers = _flat(gold), _flat(predicted)
    counts = Counter(answers)
    if len(set(gold_labels)) < 2 or not answers:
        return None
    if "O" in gold_labels and set(answers) == {"O"} and all(_marks_entities(label) for label in set(gold_labels)):
        return "finds no entity at all"
    answer, times = counts.most_common(1)[0]
    if times == len(answers):
        return f"predicts {answer} for every {unit}"
    right = sum(one == other for one, other in zip(gold_labels, answers, strict=True))
    if times >= _NEARLY_ALL * len(answers) and right <= gold_labels.count(answer):
        return (
            f"predicts {answer} for {times} of {len(answers)} {unit}s, "
            f"and is right no more often than always answering {answer}"
        )
    return None


def same_number(gold: Sequence[float], predicted: Sequence[float], unit: str = "text") -> str | None:
    """As `degeneracy`, of numbers: they learnt nothing if they hardly differ where the right ones do.

    >>> same_number([1.0, 2.0, 3.0], [2.001, 2.0, 2.002])
    'predicts about 2.001 for every text'
    """
    if not gold or not pstdev(gold) or pstdev(predicted) >= _HARDLY_MOVES * pstdev(gold):
        return None
    return f"predicts about {mean(predicted):.4g} for every {unit}"


def majority_baseline(
    train_gold: Sequence[Row], gold: Sequence[Row], score: Callable[[Sequence[Row], Sequence[Row]], float]
) -> Baseline | None:
    """The most frequent label of the training data as the answer to everything; None without training labels.

    Args:
        score: the metric, from gold and predicted rows.
    """
    labels = Counter(_flat(train_gold))
    if not labels:
        return None
    # Of equally frequent labels the first in the alphabet, so that the order of the data does not matter.
    label = min(labels, key=lambda one: (-labels[one], one))
    predicted: list[Row] = [label if isinstance(row, str) else [label] * len(row) for row in gold]
    return Baseline(label, float(score(gold, predicted)))


def _flat(rows: Sequence[Row]) -> list[str]:
    return [label for row in rows for label in ([row] if isinstance(row, str) else row)]


def _marks_entities(label: str) -> bool:
    return label == "O" or label[:2] in ("B-", "I-")
