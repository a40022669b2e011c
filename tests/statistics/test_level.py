"""How often verdicts are wrong, in small simulations; `benchmarks/verdicts.py` does it on real predictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unfreeze.statistics.bootstrap import example_weights
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.statistics.spending import alpha_at

EXAMPLES = 300
WEIGHTS = example_weights(EXAMPLES, 1000)


def accuracy(sums):
    return sums[..., 0] / sums[..., 1]


def family(generator, qualities, spreads, seeds):
    """Strategies that find the same examples hard, with a luck of each seed and of each seed with each example."""
    easy = generator.normal(0, 1, EXAMPLES)
    made = {}
    for k, (quality, spread) in enumerate(zip(qualities, spreads, strict=True)):
        per_seed = quality + generator.normal(0, spread, (seeds, 1)) if spread else np.full((seeds, 1), quality)
        own, luck = generator.normal(0, 0.5, EXAMPLES), generator.normal(0, 0.5, (seeds, EXAMPLES))
        right = easy + own + luck > stats.norm.ppf(1 - per_seed) * np.sqrt(1.5)
        made[f"s{k}"] = np.stack([right, np.ones_like(right)], axis=-1).astype(float)
    return made


def verdicts(made, weights=WEIGHTS, **settings):
    entries = compare_pairs(
        made, accuracy, model_name="m", split="test", metric="accuracy", weights=weights, **settings
    )
    return {(entry["a"], entry["b"]): entry["verdict"] for entry in entries}


def at_most(share, trials):
    """A count above this has a probability below 1 % if the true share is `share`."""
    return int(stats.binom.ppf(0.99, trials, share))


@pytest.mark.parametrize(
    ("seeds", "spreads"),
    [
        (1, [0, 0, 0, 0, 0]),
        pytest.param(2, [0.02] * 5, marks=pytest.mark.slow),
        (2, [0.0001, 0.0001, 0.0001, 0.05, 0.05]),
        pytest.param(3, [0.02] * 5, marks=pytest.mark.slow),
        (3, [0.002, 0.005, 0.01, 0.02, 0.05]),
        pytest.param(5, [0.002, 0.005, 0.01, 0.02, 0.05], marks=pytest.mark.slow),
    ],
)
def test_equals_are_seldom_told_apart(seeds, spreads):
    """At most 5 % of families of ten pairs; unequal spreads between seeds included."""
    wrong = 0
    for trial in range(200):
        made = family(np.random.default_rng((trial, seeds)), [0.85] * 5, spreads, seeds)
        wrong += bool({"better", "worse"} & set(verdicts(made).values()))
    assert wrong <= at_most(0.05, 200)


def test_one_seed_does_tell_about_other_seeds():
    """What "these weights only" warns of: with a spread between seeds, one seed finds differences that are luck."""
    wrong = 0
    for trial in range(60):
        made = family(np.random.default_rng(trial), [0.85] * 5, [0.05] * 5, 1)
        wrong += bool({"better", "worse"} & set(verdicts(made).values()))
    assert wrong > at_most(0.05, 60)


def test_a_true_difference_is_found_and_never_the_wrong_way():
    found = 0
    for trial in range(40):
        made = family(np.random.default_rng(trial), [0.90, 0.75, 0.75], [0.01] * 3, 3)
        known = verdicts(made)
        assert "worse" not in (known["s0", "s1"], known["s0", "s2"])
        found += known["s0", "s1"] == "better"
    assert found >= 30


def test_strategies_a_margin_apart_seldom_tie():
    """Two groups at just the margin are the worst case: nine pairs can be called a tie wrongly."""
    wrong, wrong_alone = 0, 0
    for trial in range(200):
        made = family(np.random.default_rng(trial), [0.85] * 3 + [0.70] * 3, [0] * 6, 1)
        across = [(f"s{a}", f"s{b}") for a in range(3) for b in range(3, 6)]
        known = verdicts(made, margin=0.15)
        wrong += any(known[pair] == "tie" for pair in across)
        alone = [verdicts({name: made[name] for name in pair}, margin=0.15)[pair] for pair in across[:: 3 + 1]]
        wrong_alone += "tie" in alone
    assert wrong <= at_most(0.05, 200)
    assert wrong_alone > wrong  # without a correction it would be worse


@pytest.mark.slow
def test_looking_after_every_seed_finds_no_more():
    """Three looks, stopped at the first verdict, at the levels of `alpha_at`; and what the plain level would find."""
    wrong, wrong_plain = 0, 0
    for trial in range(150):
        made = family(np.random.default_rng(trial), [0.85] * 3, [0.02] * 3, 5)
        looks = [{name: counts[:seeds] for name, counts in made.items()} for seeds in (3, 4, 5)]
        levels = [alpha_at(look, 3) for look in (1, 2, 3)]
        wrong += any(
            {"better", "worse"} & set(verdicts(one, alpha=level).values())
            for one, level in zip(looks, levels, strict=True)
        )
        wrong_plain += any({"better", "worse"} & set(verdicts(one).values()) for one in looks)
    assert wrong <= at_most(0.05, 150)
    assert wrong < wrong_plain


@pytest.mark.parametrize(("examples", "seeds"), [(150, 1), (499, 3), (600, 1), (600, 3)])
def test_few_examples_that_agree_are_no_tie(examples, seeds):
    """The second strategy fails on 1 % of all texts that the first one knows, and the margin is 1 %: often few of these
    texts are in a test set, or none, and then nothing seems to differ."""
    weights, wrong = example_weights(examples, 1000), 0
    generator = np.random.default_rng(examples)
    for _ in range(200):
        ease = generator.random(examples)
        made = {}
        for name, known in (("a", ease < 0.90), ("b", ease < 0.89)):
            right = np.repeat(known[None], seeds, axis=0)
            made[name] = np.stack([right, np.ones_like(right)], axis=-1).astype(float)
        wrong += verdicts(made, weights, margin=0.01)["a", "b"] == "tie"
    assert wrong <= at_most(0.05, 200) if examples >= 500 else wrong == 0
