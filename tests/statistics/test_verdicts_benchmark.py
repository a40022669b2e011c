"""The benchmark of the verdicts: its made-up strategies have the truth it says, and it can find a bad method."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from unfreeze.storage.lines import write_lines
from unfreeze.storage.records import RunRecord, write_record

LABELS = ["anger", "joy", "love"]
EXAMPLES = 400
SPREADS = {"full": 0.03, "lora": 0.02, "freeze:first=3": 0.03}
QUALITIES = {"full": 0.88, "lora": 0.87, "freeze:first=3": 0.86}


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import made_up_strategies
    import verdicts

    return verdicts, made_up_strategies


def write_comparison(folder, seeds=4):
    """Three strategies that find the same texts hard, with a known spread between seeds."""
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 3, EXAMPLES)
    easy = generator.normal(size=EXAMPLES)
    for name, quality in QUALITIES.items():
        own = generator.normal(0, 0.4, EXAMPLES)
        for seed in range(seeds):
            ease = easy + own + generator.normal(0, 0.4, EXAMPLES)
            right = ease > np.quantile(ease, 1 - quality - generator.normal(0, SPREADS[name]))
            predicted = np.where(right, gold, (gold + 1) % 3)
            run = folder / "runs" / "minilm" / name.replace(":", "-").replace("=", "-") / f"seed-{seed}"
            rows = [
                {"index": i, "gold": LABELS[g], "predicted": LABELS[p], "scores": [0.9, 0.05, 0.05]}
                for i, (g, p) in enumerate(zip(gold, predicted, strict=True))
            ]
            write_lines(
                run / "predictions.jsonl", [{"split": "validation"} | rows[0], *({"split": "t"} | r for r in rows)]
            )
            write_record(run, RunRecord(name, seed, "minilm", "classification", "done", selection_metric="accuracy"))
    return folder


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    return write_comparison(tmp_path_factory.mktemp("comparison"))


@pytest.fixture
def world(benchmark, comparison):
    _, made_up = benchmark
    return made_up.World.of(made_up.read_runs([comparison], None, None), within=0.1)


def scores(world, *, families=150, seeds=3, **settings):
    """Scores (families, strategies, seeds) of made-up strategies."""
    score = world.runs.score
    return np.array(
        [
            [score(one.sum(axis=1)) for one in world.family(np.random.default_rng(i), seeds, **settings).values()]
            for i in range(families)
        ]
    )


def test_what_is_read(world):
    assert {name: counts.shape for name, counts in world.runs.counts.items()} == dict.fromkeys(QUALITIES, (4, 400, 2))
    assert world.pool.shape == (12, 400, 2)


def test_the_spread_between_seeds_is_taken_from_the_runs(world):
    """Four seeds measure it within a factor of two or so."""
    expected = np.sqrt(np.mean(np.square(list(SPREADS.values()))))
    assert 0.5 < np.sqrt((world.seed_sd**2).mean()) / expected < 2


@pytest.mark.parametrize("seed_effects", [False, True])
def test_made_up_strategies_are_equal_in_expectation(world, seed_effects):
    means = scores(world, seed_effects=seed_effects).mean(axis=2)
    error = means.std(axis=0).max() / np.sqrt(len(means))
    assert np.ptp(means.mean(axis=0)) < 6 * error


def test_the_true_difference_is_the_one_asked_for(world):
    means = scores(world, families=250, seeds=1, seed_effects=False, difference=0.02).mean(axis=(0, 2))
    assert means[0] - means[1:].mean() == pytest.approx(0.02, abs=0.004)


def test_seeds_differ_as_much_as_asked_for(world):
    def between(**settings):
        return scores(world, families=150, seeds=4, **settings).var(axis=2, ddof=1).mean(axis=0)

    added = between(seed_effects=True) - between(seed_effects=False)
    expected = [world.seed_sd[k % len(world.seed_sd)] ** 2 for k in range(8)]
    assert added.mean() == pytest.approx(np.mean(expected), rel=0.25)


def test_made_up_runs_are_made_of_real_predictions(world):
    """Every row of counts is one that some run has; with accuracy: 0 or 1 of 1."""
    for counts in world.family(np.random.default_rng(0), 2, seed_effects=True, difference=0.02).values():
        assert set(np.unique(counts[..., 1])) == {1.0}
        assert set(np.unique(counts[..., 0])) <= {0.0, 1.0}


def test_it_finds_a_method_that_is_too_narrow(benchmark, world):
    """The plain bootstrap over seeds and examples fails where ours holds: what the benchmark is for."""
    verdicts, _ = benchmark
    weights = verdicts.example_weights(EXAMPLES, 3000)
    row = verdicts.judge_families(world, 2, 60, weights, seed_effects=True, plain=True)
    assert row.better_said <= 0.1
    assert row.plain_bootstrap > 0.2


def test_one_seed_is_wrong_about_new_seeds_and_right_about_its_weights(benchmark, world):
    verdicts, _ = benchmark
    weights = verdicts.example_weights(EXAMPLES, 1000)
    about_weights, about_seeds = (
        verdicts.judge_families(world, 1, 60, weights, seed_effects=effects) for effects in (False, True)
    )
    assert about_weights.better_said <= 0.1 < about_seeds.better_said


def test_relabelling_needs_enough_seeds(benchmark, world):
    verdicts, _ = benchmark
    weights = verdicts.example_weights(EXAMPLES, 500)
    assert verdicts.relabelled(world, 1, 5, weights) is None  # four seeds are no eight strategies


def test_seeds_of_one_strategy_are_relabelled(benchmark, tmp_path):
    verdicts, made_up = benchmark
    many = made_up.World.of(made_up.read_runs([write_comparison(tmp_path, seeds=8)], None, None), within=0.1)
    row = verdicts.relabelled(many, 1, 5, verdicts.example_weights(EXAMPLES, 500))
    assert row.families == 5
    assert "relabelled" in row.null


def test_the_whole_benchmark(benchmark, comparison, tmp_path, capsys, monkeypatch):
    verdicts, _ = benchmark
    monkeypatch.setattr(verdicts, "BOOTSTRAP", 300)
    output = tmp_path / "verdicts.json"
    few = ["--repetitions", "4", "--power-repetitions", "2", "--within", "0.1", "--output", str(output)]
    assert verdicts.main([str(comparison), *few]) == 0
    printed = capsys.readouterr().out
    written = json.loads(output.read_text())
    nulls = [(row["seeds"], row["null"]) for row in written["rows"] if row["better_said"] is not None]
    assert nulls == [
        (1, "these weights are equal"),
        (1, "the strategies are equal, seeds differ"),
        (3, "the strategies are equal, seeds differ"),
        (5, "the strategies are equal, seeds differ"),
    ]
    powers = [(row["seeds"], row["difference"]) for row in written["rows"] if row["power"] is not None]
    assert powers == [(n, d) for n in (1, 3, 5) for d in (0.01, 0.02)]
    assert printed.count("|\n") == 2 + len(nulls)
    assert written["examples"] == EXAMPLES


@pytest.mark.parametrize(("arguments", "message"), [(["--metric", "mcc"], "accuracy"), (["--split", "other"], "other")])
def test_what_cannot_be_read_is_said(benchmark, comparison, arguments, message):
    verdicts, _ = benchmark
    with pytest.raises(SystemExit, match=message):
        verdicts.main([str(comparison), *arguments])


def test_the_same_runs_twice_are_refused(benchmark, comparison):
    _, made_up = benchmark
    with pytest.raises(SystemExit, match="already read"):
        made_up.read_runs([comparison, comparison], None, None)
