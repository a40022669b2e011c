"""Looking at the verdicts after each added seed, without finding by patience what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import e, log
from typing import Any

from unfreeze.statistics.candidates import Candidate, best_of, cost, in_question, is_cheaper
from unfreeze.statistics.standing import Standing, entries_against


def alpha_at(look: int, looks: int, alpha: float = 0.05) -> float:
    """The level for look number `look` of at most `looks`, both counted from 1; over all looks they sum to `alpha`.

    It is what the Pocock-type spending function of Lan & DeMets 1983, alpha ln(1 + (e - 1) t), releases between the
    shares t of the looks. It is used as it is, without the sharper bounds that follow from the correlation of the
    looks: by Boole's inequality the chance of a false verdict at any look is then at most `alpha`, for whatever test
    holds its level at each look: Holm's over many pairs, with p-values from a bootstrap and Student's t. `looks` must
    be fixed before the first look.

    Raises:
        ValueError: `look` is not from 1 to `looks`.

    >>> [round(alpha_at(look, 3), 4) for look in (1, 2, 3)]
    [0.0226, 0.0155, 0.0118]
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look must be from 1 to {looks}, was {look}")
    return alpha * (_spent(look / looks) - _spent((look - 1) / looks))


def open_questions(
    candidates: Sequence[Candidate], comparisons: Iterable[Mapping[str, Any]], *, higher_is_better: bool = True
) -> list[str] | None:
    """The strategies of which the recommendation needs to know whether they are worse than the best, and does not.

    A recommendation is the cheapest strategy that is as good as the best, so it rests on the best against each cheaper
    one, down from the cheapest that is shown to tie with it; and on whether the best one is the best: a dearer strategy
    that may be better by more than the margin is a question too.

    Args:
        comparisons: entries of `compare_pairs`; those of the best candidate's model on the split "validation" count.

    Returns:
        Their names, in the order of `candidates`. None if nothing can be told: no run finished, or there is no entry
        for one of these pairs.
    """
    scored = in_question(candidates)
    if not scored:
        return None
    best = best_of(scored, higher_is_better=higher_is_better)
    rivals = [one for one in scored if one.model_name == best.model_name and one is not best]
    entries = entries_against(best, rivals, comparisons)
    if None in entries:
        return None
    standings = [Standing(one, one.strategy, 0.0, entry) for one, entry in zip(rivals, entries, strict=True)]
    ties = [one.candidate for one in standings if one.entry and one.entry["verdict"] == "tie"]
    safe = min((one for one in ties if is_cheaper(one, best)), key=lambda one: cost(one, ties), default=best)
    return [one.name for one in standings if (one.is_undecided if is_cheaper(one.candidate, safe) else one.is_open)]


def contenders(
    candidates: Sequence[Candidate], comparisons: Iterable[Mapping[str, Any]], *, higher_is_better: bool = True
) -> list[Candidate]:
    """Those that are not shown to be worse than the best one of their model: who gets the next seed.

    They get it together: means over different seeds would be compared otherwise.
    """
    comparisons = list(comparisons)
    left: list[Candidate] = []
    scored = in_question(candidates)
    for model in dict.fromkeys(one.model_name for one in scored):
        ours = [one for one in scored if one.model_name == model]
        best = best_of(ours, higher_is_better=higher_is_better)
        entries = entries_against(best, ours, comparisons)
        left += [one for one, entry in zip(ours, entries, strict=True) if not Standing(one, "", 0.0, entry).is_worse]
    return left


def decided(
    candidates: Sequence[Candidate], comparisons: Iterable[Mapping[str, Any]], *, higher_is_better: bool = True
) -> bool:
    """Whether the verdicts stand that the recommendation rests on, so that no more seeds are needed."""
    return open_questions(candidates, comparisons, higher_is_better=higher_is_better) == []


def _spent(share: float) -> float:
    return log(1 + (e - 1) * share)
