"""Exact match and F1 of extracted answers, as the SQuAD scripts 1.1 and 2.0 compute them."""

from __future__ import annotations

import re
import string
from collections import Counter as Multiset
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np

from unfreeze.metrics.resampling import Counts, ResampledMetric, ratio

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(answer: str) -> str:
    """Lower case without punctuation, English articles and surplus white space (Rajpurkar et al. 2016, section 6.1).

    >>> normalized("The  Black Forest!")
    'black forest'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def answer_scores(gold: Sequence[str], predicted: str, *, unanswerable: bool = False) -> tuple[float, float]:
    """(exact match, F1) of one question: the best over its reference answers, both from 0 to 1.

    Args:
        gold: the reference answers; empty if the question has none.
        predicted: the answer; "" says that there is none.
        unanswerable: does the data hold questions without an answer? Then as the script 2.0: references of which
            normalising leaves nothing do not count, and two empty answers agree.

    >>> answer_scores(["the Black Forest", "Forest"], "Black Forest in Germany")
    (0.0, 0.6666666666666666)
    >>> answer_scores([], "", unanswerable=True)
    (1.0, 1.0)
    """
    if unanswerable:
        gold = [answer for answer in gold if normalized(answer)] or [""]
    said = normalized(predicted)
    exact = max((float(normalized(answer) == said) for answer in gold), default=0.0)
    return exact, max((_f1(normalized(answer).split(), said.split(), unanswerable) for answer in gold), default=0.0)


def mean_scores(scored: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The means of what `answer_scores` gives for each question; 0 where there is none.

    >>> mean_scores([(1.0, 1.0), (0.0, 0.5)])
    {'exact_match': 0.5, 'f1': 0.75}
    """
    exact, f1 = zip(*scored, strict=True) if scored else ((), ())
    return {"exact_match": sum(exact) / max(1, len(exact)), "f1": sum(f1) / max(1, len(f1))}


def _f1(gold: list[str], predicted: list[str], unanswerable: bool) -> float:
    if unanswerable and not (gold and predicted):
        return float(gold == predicted)
    common = sum((Multiset(gold) & Multiset(predicted)).values())
    return 2 * common / (len(gold) + len(predicted)) if common else 0.0


def best_threshold(
    scores: Sequence[float], no_answer: Sequence[float], unanswerable: Sequence[bool]
) -> tuple[float, float]:
    """The threshold above which "no answer" scores best, and that score (mean over questions).

    Args:
        scores: of each question, what its best span scores (exact match or F1); 0 where it has no answer.
        no_answer: how much the network prefers no answer; above the threshold that is what it says.
        unanswerable: which questions have no answer; for these saying so scores 1, for others 0.

    Of equally good thresholds the one that says "no answer" most often; below every value, if that is always best.

    >>> best_threshold([1.0, 0.0, 1.0], [-2.0, 3.0, 1.0], [False, True, False])
    (1.0, 1.0)
    """
    total = float(sum(unanswerable))
    best, threshold = total, float("-inf")
    order = sorted(zip(no_answer, scores, unanswerable, strict=True), key=lambda one: one[0])
    for value, group in groupby(order, key=lambda one: one[0]):
        total += sum(score - float(none) for _, score, none in group)
        if total > best:
            best, threshold = total, value
    return threshold, best / max(1, len(order))


@dataclass(frozen=True)
class QuestionScore(ResampledMetric):
    """Exact match or F1, the mean over questions. A row of gold holds all answers that are right.

    >>> QuestionScore("f1").of([["the Black Forest"], ["1990"]], ["Black Forest in Germany", "1990"])
    0.8333333333333333
    """

    score_name: Literal["exact_match", "f1"]

    def counts(self, gold: Sequence[Any], predicted: Sequence[Any], labels: Sequence[str] = ()) -> Counts:
        unanswerable = any(not answers for answers in gold)
        position = ("exact_match", "f1").index(self.score_name)
        rows = [
            (answer_scores(answers, said, unanswerable=unanswerable)[position], 1.0)
            for answers, said in zip(gold, predicted, strict=True)
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def score(self, totals: Counts) -> Counts:
        return ratio(totals[..., 0], totals[..., 1])
