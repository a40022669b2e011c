"""Which strategy to use, and why, in sentences with the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unfreeze.statistics.candidates import Candidate, best_of, cost, in_question
from unfreeze.statistics.full_reference import full_among
from unfreeze.statistics.ranges import overlap
from unfreeze.statistics.standing import Standing, entries_against
from unfreeze.statistics.student import mean_interval
from unfreeze.statistics.what_would_change import what_would_change

_MOST_SENTENCES = 2  # that say the same of one strategy each; more are one sentence


@dataclass(frozen=True)
class Recommendation:
    """`strategy` and `model_name` are None if no run finished."""

    strategy: str | None
    reasons: list[str] = field(default_factory=list)
    model_name: str | None = None
    what_would_change: list[str] = field(default_factory=list)  # which data or margin would lead to another one


def recommend(
    candidates: Sequence[Candidate],
    comparisons: Iterable[Mapping[str, Any]] = (),
    *,
    metric: str = "score",
    margin: float = 0.01,
    higher_is_better: bool = True,
) -> Recommendation:
    """The cheapest strategy that is as good as the best one on validation.

    The rule: the *best* candidate has the best mean validation score. A candidate is *good enough* if its
    mean is within `margin` of the best's and it is not shown to be worse than the best: a tie, or not enough
    data. Of those the one with the fewest mean training FLOPs is recommended; training seconds decide where
    FLOPs are equal or not known for all of them, then the score. Where the data cannot tell, that is said.
    Runs that failed are left out and named; a strategy of which a run diverged is recommended only where all have
    that. A candidate that was still improving at its last evaluation is named too: it may have lost for want of epochs.

    Args:
        comparisons: entries of `compare_pairs`; those on the split "validation" tell who is shown to be worse.
        margin: in units of the metric.
    """
    names = {one: one.strategy for one in candidates}
    if len({one.model_name for one in candidates}) > 1:
        names = {one: f"{one.strategy} on {one.model_name}" for one in candidates}
    scored = in_question(candidates)
    if not scored:
        what = "learnt anything" if any(one.degenerate for one in candidates) else "finished"
        return Recommendation(None, [f"No run {what}: nothing to recommend.", *_left_out(candidates, names)])

    def quality(one: Candidate) -> float:
        return one.mean if higher_is_better else -one.mean

    best = best_of(scored, higher_is_better=higher_is_better)
    standings = [
        Standing(one, names[one], quality(best) - quality(one), entry)
        for one, entry in zip(scored, entries_against(best, scored, comparisons), strict=True)
    ]
    good_enough = [one.candidate for one in standings if one.is_good_enough(margin)]
    chosen = min(good_enough, key=lambda one: (*cost(one, good_enough), -quality(one)))
    reasons = [_why(chosen, best, scored, good_enough, names, metric=metric, margin=margin)]
    reasons += _costs(chosen, best, scored, names)
    reasons += _how_sure(next(one for one in standings if one.candidate is chosen), names[best], margin)
    reasons += _may_be_better([one for one in standings if one.is_open and one.candidate is not chosen], names[best])
    if len({one.model_name for one in scored}) > 1:
        reasons.append("Models are compared by their means: no test says which differences between models are chance.")
    if any(len(one.scores) == 1 for one in (chosen, best)):
        reasons.append("One seed: this holds for these weights only; --seeds 3 shows what chance adds.")
    reasons += _still_improving([_with_seeds(one, names[one]) for one in scored if one.converged is False])
    return Recommendation(
        chosen.strategy,
        reasons + _left_out(candidates, names),
        chosen.model_name,
        what_would_change(standings, chosen, names[best], margin=margin),
    )


def recommend_by_model(
    candidates: Sequence[Candidate],
    comparisons: Sequence[Mapping[str, Any]],
    why: str,
    *,
    metric: str = "score",
    margin: float = 0.01,
) -> Recommendation:
    """No best one, for models whose scores cannot be compared: `why`, then what holds within each model."""
    reasons, changes = [why], []
    for model in dict.fromkeys(one.model_name for one in candidates):
        own = [one for one in candidates if one.model_name == model]
        pairs = [entry for entry in comparisons if entry["model_name"] == model]
        found = recommend(own, pairs, metric=metric, margin=margin)
        reasons += [f"{model}: {reason}" for reason in found.reasons]
        changes += [f"{model}: {change}" for change in found.what_would_change]
    return Recommendation(None, reasons, None, changes)


def _why(
    chosen: Candidate,
    best: Candidate,
    scored: Sequence[Candidate],
    good_enough: Sequence[Candidate],
    names: Mapping[Candidate, str],
    *,
    metric: str,
    margin: float,
) -> str:
    name, metric = names[chosen], metric.replace("_", " ")
    if len(scored) == 1:
        return f"{name} is the only strategy with a finished run: validation {metric} {_score(chosen)}."
    if chosen is best and len(good_enough) == 1:
        return f"{name} has the best mean validation {metric}, {_score(chosen)}; no other is within {margin:g} of it."
    if chosen is best:
        return (
            f"{name} has the best mean validation {metric}, {_score(chosen)}, and {_least(chosen, good_enough)} of the "
            f"{len(good_enough)} strategies within {margin:g} of it."
        )
    return (
        f"{name} reaches a mean validation {metric} of {_score(chosen)}, within {margin:g} of the best: "
        f"{names[best]}, {_score(best)}. It {_least(chosen, good_enough)} of the {len(good_enough)} strategies that "
        "are that good."
    )


def _least(chosen: Candidate, good_enough: Sequence[Candidate]) -> str:
    """What decided between them: see `candidates.cost`."""
    others = [cost(one, good_enough) for one in good_enough if one is not chosen]
    flops, seconds = cost(chosen, good_enough)
    if all(flops < one for one, _ in others):
        return "needs the least training compute (FLOPs)"
    if all((flops, seconds) < one for one in others):
        return "trains fastest"
    return "costs no more than any"


def _costs(
    chosen: Candidate, best: Candidate, scored: Sequence[Candidate], names: Mapping[Candidate, str]
) -> list[str]:
    """What the chosen one costs against full fine-tuning, or against the best where `full` was not run."""
    here = {one.strategy: one for one in scored if one.model_name == chosen.model_name}
    full = full_among(here)
    against = here[full] if full else best
    if against is chosen:
        return []
    unclear = overlap(chosen.fit_range, against.fit_range)
    once = " (one run each)" if len(chosen.scores) == len(against.scores) == 1 else ""
    shares = [
        f"{100 * value / reference:.0f} % of the {noun}"
        for value, reference, noun in (
            (chosen.flops, against.flops, "training compute (FLOPs)"),
            (None if unclear else chosen.fit_seconds, against.fit_seconds, f"training time{once}"),
        )
        if value is not None and reference
    ]
    said = [f"It takes {' and '.join(shares)} of {names[against]}."] if shares else []
    if unclear:
        said.append(f"Their training times overlap from seed to seed: {_times(chosen)} against {_times(against)}.")
    return said + ([f"Its teacher, {chosen.teacher}, is trained first: that comes on top."] if chosen.teacher else [])


def _times(one: Candidate) -> str:
    assert one.fit_range is not None
    low, high = one.fit_range
    return f"{low:.0f} s" if round(low) == round(high) else f"{low:.0f} to {high:.0f} s"


def _how_sure(chosen: Standing, best: str, margin: float) -> list[str]:
    """Whether it is shown that the recommended strategy is as good as the best; nothing where there was no test."""
    if chosen.entry is None or chosen.name == best:
        return []
    if chosen.entry["verdict"] == "tie":
        return [f"{chosen.name} and {best} tie: a difference above {margin:g} is excluded."]
    if chosen.is_undecided:
        half = (chosen.entry["high"] - chosen.entry["low"]) / 2
        return [
            f"The data cannot tell whether {chosen.name} is as good as {best}: its mean is {chosen.gap:.4f} behind, "
            f"with an uncertainty of ± {half:.4f}."
        ]
    return []


def _may_be_better(rivals: Sequence[Standing], best: str) -> list[str]:
    if len(rivals) > _MOST_SENTENCES:
        listed = [f"{one.name} (by up to {one.may_be_better_by:.4f})" for one in rivals]
        joined = f"{', '.join(listed[:-1])} and {listed[-1]}"
        return [f"The data cannot tell which of these is better than {best}, and each may be: {joined}."]
    return [
        f"The data cannot tell whether {one.name} is better than {best}; it may be, by up to "
        f"{one.may_be_better_by:.4f}."
        for one in rivals
    ]


def _with_seeds(one: Candidate, name: str) -> str:
    """The name, and how many of its runs were still improving, where that is not all of them."""
    some = 0 < one.improving < len(one.scores)
    return f"{name} (in {one.improving} of {len(one.scores)} seeds)" if some else name


def _still_improving(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    if len(names) == 1:
        return [f"{names[0]} was still improving at its last epoch: more --epochs may change this."]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return [f"{listed} were still improving at their last epoch: more --epochs may change this."]


def _left_out(candidates: Sequence[Candidate], names: Mapping[Candidate, str]) -> list[str]:
    sentences = []
    for one in candidates:
        total = len(one.scores) + len(one.unfinished)
        reasons = "; ".join(dict.fromkeys(one.degenerate))
        if one.degenerate and one.scores:
            sentences.append(
                f"{names[one]}: {len(one.degenerate)} of {total} runs learnt nothing ({reasons}); their scores count, "
                "as it may happen again."
            )
        if one.unfinished:
            status = ", ".join(sorted(set(one.unfinished)))
            why = "; ".join([status, *dict.fromkeys(one.errors), *([reasons] if reasons and not one.scores else [])])
            sentences.append(f"{names[one]}: {len(one.unfinished)} of {total} runs left out ({why}).")
    return sentences


def _score(one: Candidate) -> str:
    interval = mean_interval(one.scores)
    if interval is None:
        return f"{one.mean:.4f}"
    return f"{one.mean:.4f} ± {interval[2] - one.mean:.4f} over {len(one.scores)} seeds"
