"""The recommendation says what it does not know, and what would turn it."""

from __future__ import annotations

import re

from unfreeze.statistics.candidates import Candidate, candidates_from_runs
from unfreeze.statistics.recommend import recommend


def candidate(strategy, mean, flops, **changes):
    return Candidate(strategy, "m", scores=(mean, mean), flops=flops, fit_seconds=10 * flops, **changes)


FULL, LORA = candidate("full", 0.920, 10.0), candidate("lora", 0.917, 7.0)
FREEZE, HEAD = candidate("freeze:first=3", 0.914, 5.0), candidate("head", 0.900, 1.0)
ALL = [FULL, LORA, FREEZE, HEAD]


def entry(b, verdict, *, needed=None, half=0.012, scope="examples and seeds"):
    found = {"a": "full", "b": b, "model_name": "m", "split": "validation", "verdict": verdict, "scope": scope}
    difference = FULL.mean - next(one.mean for one in ALL if one.strategy == b)
    found |= {"margin": 0.01, "p_value": 0.001 if verdict in ("better", "worse") else 0.5}
    return found | {"difference": difference, "low": difference - half, "high": difference + half, "needed": needed}


def undecided(b, seeds=None, examples=None, **changes):
    return entry(b, "not enough data", needed={"seeds": seeds, "examples": examples}, **changes)


def test_it_says_plainly_that_the_data_cannot_tell():
    found = recommend(ALL, [undecided("freeze:first=3", 7, 5234), undecided("lora"), entry("head", "better")])
    assert found.strategy == "freeze:first=3"
    assert any(
        "cannot tell whether freeze:first=3 is as good as full: its mean is 0.0060 behind" in reason
        and "± 0.0120" in reason
        for reason in found.reasons
    )
    assert (
        "If freeze:first=3 proved worse than full, lora would be recommended: "
        "about 7 seeds or about 5,300 validation examples would be likely to decide." in found.what_would_change
    )


def test_a_tie_is_said_and_nothing_can_turn_it_but_the_margin():
    found = recommend(ALL, [entry("freeze:first=3", "tie"), entry("lora", "tie"), entry("head", "better")])
    assert any("freeze:first=3 and full tie" in reason for reason in found.reasons)
    assert found.what_would_change == ["With a margin of at least 0.0031 and below 0.0060, lora would be recommended."]


def test_a_cheaper_one_that_may_be_as_good_is_named_with_what_would_tell():
    found = recommend(ALL, [entry("freeze:first=3", "tie"), undecided("head", 12, None)])
    about_head = [one for one in found.what_would_change if one.startswith("head is cheaper")]
    assert len(about_head) == 1
    assert "about 12 seeds would be likely to decide" in about_head[0]


def test_what_nothing_would_decide_is_said():
    found = recommend(ALL, [entry("freeze:first=3", "tie"), undecided("head")])
    assert any("neither more seeds alone nor more validation examples alone" in one for one in found.what_would_change)
    found = recommend(ALL, [entry("freeze:first=3", "tie"), undecided("head", scope="these weights only")])
    assert any("with one seed it is unknown how many" in one for one in found.what_would_change)


def test_the_margins_named_do_turn_the_recommendation():
    """Every "with a margin" is tried out."""
    for entries in ([], [undecided("head", 9)], [entry("lora", "better")], [entry("head", "better")]):
        for margin in (0.0, 0.004, 0.01, 0.03):
            found = recommend(ALL, entries, margin=margin)
            for sentence in found.what_would_change:
                wider = re.search(r"margin of ([\d.]+) or more, (\S+) would", sentence)
                stricter = re.search(r"margin below ([\d.]+), (\S+) would", sentence)
                if wider:
                    assert recommend(ALL, entries, margin=float(wider[1])).strategy == wider[2] != found.strategy
                    assert recommend(ALL, entries, margin=float(wider[1]) - 2e-4).strategy != wider[2]
                if stricter:
                    assert recommend(ALL, entries, margin=float(stricter[1]) - 1e-4).strategy == stricter[2]


def test_there_is_something_to_try():
    assert any("margin of 0.0200 or more, head" in one for one in recommend(ALL).what_would_change)
    assert not any("head" in one for one in recommend(ALL, [entry("head", "better")]).what_would_change)


def test_nothing_finished_can_be_changed_by_nothing():
    assert recommend([]).what_would_change == []


def test_what_learnt_nothing_counts_where_others_of_its_kind_learnt():
    run = {"strategy": "full", "model_name": "m", "status": "done", "validation": {"f1": 0.9}, "degenerate": None}
    constant = run | {"validation": {"f1": 0.1}, "degenerate": "predicts joy for every text"}
    (found,) = candidates_from_runs([run, constant, run | {"status": "diverged"}], "f1")
    assert found.scores == (0.9, 0.1) and found.unfinished == ("diverged",)
    assert recommend([found]).reasons[-2:] == [
        "full: 1 of 3 runs learnt nothing (predicts joy for every text); their scores count, as it may happen again.",
        "full: 1 of 3 runs left out (diverged).",
    ]
    (nothing,) = candidates_from_runs([constant, constant], "f1")
    assert nothing.scores == () and nothing.unfinished == ("degenerate", "degenerate")
    left_out = recommend([nothing])
    assert left_out.strategy is None and "2 of 2 runs left out (degenerate; predicts joy" in left_out.reasons[-1]


def test_luck_among_collapsed_runs_does_not_win():
    run = {"model_name": "m", "status": "done", "flops": 1.0, "degenerate": None}
    lucky = [run | {"strategy": "lucky", "validation": {"f1": 0.95}}]
    lucky += 2 * [run | {"strategy": "lucky", "validation": {"f1": 0.1}, "degenerate": "predicts joy for every text"}]
    steady = 3 * [run | {"strategy": "steady", "validation": {"f1": 0.93}}]
    assert recommend(candidates_from_runs([*lucky, *steady], "f1")).strategy == "steady"


def test_the_best_one_may_not_be_the_best():
    """A dearer rival that may be better by more than the margin is named, with what would tell."""
    dearer = candidate("full:epochs=9", 0.916, 30.0)
    unsure = undecided("lora") | {"b": "full:epochs=9", "difference": 0.004, "low": -0.02, "high": 0.028}
    found = recommend([FULL, dearer], [unsure | {"needed": {"seeds": 8, "examples": None}}])
    assert found.strategy == "full"
    assert (
        "The data cannot tell whether full:epochs=9 is better than full; it may be, by up to 0.0200." in found.reasons
    )
    assert any(one.startswith("If full:epochs=9 proved better than full") and "8 seeds" in one
               for one in found.what_would_change)  # fmt: skip


def test_a_tie_that_is_a_difference_is_no_promise_for_a_smaller_margin():
    sure = entry("lora", "tie") | {"p_value": 0.001}
    found = recommend(ALL, [entry("freeze:first=3", "tie"), sure, entry("head", "better")])
    assert found.what_would_change == ["With a margin below 0.0060, full would be recommended."]


def test_models_are_not_tested_against_each_other_and_that_is_said():
    other = Candidate("full", "n", (0.95, 0.95), flops=3.0)
    assert any("Models are compared by their means" in reason for reason in recommend([FULL, other]).reasons)
    assert not any("Models" in reason for reason in recommend([FULL, LORA]).reasons)


def test_costs_of_candidates():
    run = {"strategy": "full", "model_name": "m", "status": "done", "validation": {"f1": 0.9}}
    costs = {"fit_seconds": 3.0, "peak_memory_bytes": 100, "trainable_parameters": 7}
    (found,) = candidates_from_runs([run | costs, run | costs | {"peak_memory_bytes": 200}], "f1")
    assert found.fit_range == (3.0, 3.0)
    (partly,) = candidates_from_runs([run | costs, run | costs | {"fit_seconds": None}], "f1")
    assert (partly.fit_seconds, partly.fit_range, partly.trainable_parameters) == (None, None, 7.0)
    assert (found.fit_seconds, found.peak_memory_bytes, found.trainable_parameters) == (3.0, 150.0, 7.0)
