"""Examples worth reading: those on which strategies disagree, those that all get wrong alike, and mistakes of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Rows = Sequence[Mapping[str, Any]]  # the predictions of one run on one split: index, gold, predicted, scores


@dataclass(frozen=True)
class Disagreement:
    """A text, or a word of one, to which strategies give different answers."""

    index: int
    word: int | None  # position in the sentence, from 0; None for a text
    gold: str
    answers: dict[str, str]  # strategy -> what most of its seeds answer
    confidence: float  # mean over runs of the probability of their answers


@dataclass(frozen=True)
class Suspect:
    """A text, or a word of one, that is answered with another label than gold has."""

    index: int
    word: int | None
    gold: str
    answer: str
    confidence: float  # mean over all runs of the probability of their answers


@dataclass(frozen=True)
class WrongNumber:
    """A text whose number is missed."""

    index: int
    gold: float
    answer: float  # mean over seeds
    error: float  # mean over seeds of the distance
    word: None = None


@dataclass(frozen=True)
class _Case:
    index: int
    word: int | None
    gold: str
    answers: dict[str, str]
    votes: float  # share of runs that give the most frequent answer
    confidence: float


def disagreements(runs: Mapping[str, Sequence[Rows]], *, limit: int | None = None) -> list[Disagreement]:
    """What the strategies disagree on, the most divided first; where they are equally divided, the most confident.

    Args:
        runs: strategy -> rows of each seed, as of `storage.records.read_predictions`, all of the same examples in the
            same order.
        limit: at most so many.

    Raises:
        ValueError: the rows are not of the same examples.
    """
    divided = [case for case in _cases(runs) if len(set(case.answers.values())) > 1]
    divided.sort(key=lambda case: (case.votes, -case.confidence, case.index, case.word or 0))
    return [Disagreement(one.index, one.word, one.gold, one.answers, one.confidence) for one in divided[:limit]]


def label_suspects(
    runs: Mapping[str, Sequence[Rows]],
    *,
    labels: Collection[str] | None = None,
    least_confidence: float = 0.9,
    limit: int | None = None,
) -> list[Suspect]:
    """Where every strategy confidently gives the same answer and it is not the gold label, the most confident first.

    Such labels are often wrong (confident learning: Northcutt et al. 2021). It is a list to read, not to correct from:
    a mistake that training data teach looks the same. With one strategy it is one opinion only.

    Args:
        runs: as for `disagreements`.
        labels: those of training; with another gold label an example is no suspect, as nothing could answer it. None:
            answers are no labels.
        least_confidence: mean probability of the answers over all runs.
    """
    found = []
    for case in _cases(runs):
        if labels is not None and case.gold not in labels:
            continue
        answers = set(case.answers.values())
        if len(answers) == 1 and case.gold not in answers and case.confidence >= least_confidence:
            found.append(Suspect(case.index, case.word, case.gold, answers.pop(), case.confidence))
    found.sort(key=lambda one: (-one.confidence, one.index, one.word or 0))
    return found[:limit]


def confident_mistakes(by_seed: Sequence[Rows], *, limit: int | None = None) -> list[Suspect]:
    """What one strategy gets wrong in most of its seeds, the most confident first.

    Args:
        by_seed: the rows of each of its runs, all of the same examples in the same order.
        limit: at most so many.
    """
    found = [
        Suspect(case.index, case.word, case.gold, answer, case.confidence)
        for case in _cases({"": by_seed})
        if (answer := case.answers[""]) != case.gold
    ]
    found.sort(key=lambda one: (-one.confidence, one.index, one.word or 0))
    return found[:limit]


def largest_errors(
    answered: Sequence[tuple[int, float, Sequence[float]]], *, limit: int | None = None
) -> list[WrongNumber]:
    """Where the numbers of one strategy are farthest off, the worst first.

    Args:
        answered: (index, gold, answers of the seeds) of each text.
        limit: at most so many.

    >>> largest_errors([(0, 1.0, [1.5, 2.5]), (1, 3.0, [0.0, 1.0])], limit=1)
    [WrongNumber(index=1, gold=3.0, answer=0.5, error=2.5, word=None)]
    """
    found = [
        WrongNumber(index, gold, float(np.mean(said)), float(np.mean(np.abs(np.subtract(said, gold)))))
        for index, gold, said in answered
    ]
    return sorted(found, key=lambda one: (-one.error, one.index))[:limit]


def _cases(runs: Mapping[str, Sequence[Rows]]) -> Iterator[_Case]:
    """Every text, or every word of every sentence."""
    every = [rows for by_seed in runs.values() for rows in by_seed]
    if not every:
        return
    keys = [(row["index"], row["gold"]) for row in every[0]]
    if any([(row["index"], row["gold"]) for row in rows] != keys for rows in every):
        raise ValueError("runs: the predictions are not of the same examples in the same order")
    for position, (index, gold) in enumerate(keys):
        here = {strategy: [rows[position] for rows in by_seed] for strategy, by_seed in runs.items() if by_seed}
        if isinstance(gold, str):
            answers = {
                strategy: [(row["predicted"], max(row["scores"])) for row in rows] for strategy, rows in here.items()
            }
            yield _case(index, None, gold, answers)
            continue
        for word, tag in enumerate(gold):
            answers = {
                strategy: [(row["predicted"][word], row["scores"][word]) for row in rows]
                for strategy, rows in here.items()
            }
            yield _case(index, word, tag, answers)


def _case(index: int, word: int | None, gold: str, answers: Mapping[str, Sequence[tuple[str, float]]]) -> _Case:
    every = [one for by_seed in answers.values() for one in by_seed]
    return _Case(
        index,
        word,
        gold,
        {strategy: _majority(by_seed) for strategy, by_seed in answers.items()},
        Counter(answer for answer, _ in every).most_common(1)[0][1] / len(every),
        float(np.mean([probability for _, probability in every])),
    )


def _majority(answers: Sequence[tuple[str, float]]) -> str:
    """What most seeds answer; where two answers have as many, the one with the higher sum of probabilities."""
    votes = Counter(answer for answer, _ in answers)
    return max(votes, key=lambda one: (votes[one], sum(p for answer, p in answers if answer == one), one))
