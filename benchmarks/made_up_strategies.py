"""Strategies of known truth, made out of the predictions of real runs; `verdicts.py` judges them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unfreeze.metrics.resampling import ResampledMetric
from unfreeze.statistics.bootstrap import resampled_scores
from unfreeze.storage.records import find_runs, read_predictions, read_record
from unfreeze.tasks import TASKS

Array = npt.NDArray[np.float64]
STRATEGIES = 8
REACH = 0.4  # of the largest effect: a normal number is further away than 2.5 standard deviations once in 80


@dataclass(frozen=True)
class RealRuns:
    """Counts and right answers of every run, by strategy, all on the same test examples."""

    metric: str
    resampled: ResampledMetric
    counts: dict[str, Array]  # (seeds, examples, counts)
    right: dict[str, Array]  # (seeds, examples): share of the example that is right
    seeds: dict[str, list[int]]

    @property
    def score(self) -> Callable[[Array], Array]:
        """The metric from summed counts."""
        return self.resampled.score


@dataclass(frozen=True)
class World:
    """Where made-up strategies come from.

    Test examples are drawn with replacement from the real ones. A made-up strategy takes, for each example, the
    predictions of one of the *comparable* real strategies, drawn for it anew, the same for all its seeds: made-up
    strategies differ on examples as real ones do, and have the same expected score. A made-up run takes, for each
    example, the prediction of a random seed of that real strategy: runs differ on examples as real seeds do. Up to here
    no run is better than another in expectation. The *seed effect* puts the real spread between seeds back: a number
    from a normal distribution whose variance is that of a real strategy's seeds, less what the examples explain of it.
    It is reached by taking, for a random share of the run's examples, a prediction of the comparable runs that is most
    right there (or least right). What cannot be reached in this way is not asked for: where the seeds of a strategy
    differ so much that its made-up runs would often end at the most that there is, and so be equal, its spread is
    `REACH` of that. A *true difference* is put in the same way, on the same examples for all seeds of a strategy.
    """

    runs: RealRuns
    pool: Array  # (runs, examples, counts) of the comparable strategies
    owner: npt.NDArray[np.int64]  # (runs,) position of the strategy of each run of the pool
    best: npt.NDArray[np.bool_]  # (runs, examples): none in the pool is more right there
    worst: npt.NDArray[np.bool_]
    seed_sd: Array  # of the seed effect of each real strategy with several seeds
    shares: Array  # share of examples replaced, from -1 (by the worst) to 1 (by the best) ...
    effects: Array  # ... and what each does to the expected score

    @classmethod
    def of(cls, runs: RealRuns, *, within: float) -> World:
        """A world of all strategies whose mean score is at most `within` behind the best one's."""
        means = {name: float(runs.score(one.sum(axis=1)).mean()) for name, one in runs.counts.items()}
        comparable = [name for name, mean in means.items() if mean >= max(means.values()) - within]
        pool = np.concatenate([runs.counts[name] for name in comparable])
        right = np.concatenate([runs.right[name] for name in comparable])
        owner = np.repeat(np.arange(len(comparable)), [len(runs.counts[name]) for name in comparable])
        best, worst = right == right.max(axis=0), right == right.min(axis=0)
        weight = 1 / (
            np.bincount(owner)[owner] * len(comparable)
        )  # each strategy counts once, however many seeds it has
        plain = np.einsum("r,rec->c", weight, pool)
        ends = {sign: _mean_of_chosen(pool, chosen) for sign, chosen in ((1, best), (-1, worst))}
        shares = np.linspace(-1, 1, 401)
        expected = np.stack([(1 - abs(s)) * plain + abs(s) * ends[1 if s >= 0 else -1] for s in shares])
        effects = runs.score(expected) - runs.score(plain)
        spread = [_seed_variance(one, runs.score) for one in runs.counts.values() if len(one) > 1]
        most = REACH * min(float(effects[-1]), -float(effects[0]))
        return cls(runs, pool, owner, best, worst, np.sqrt(np.array(spread)).clip(max=most), shares, effects)

    def family(
        self, generator: np.random.Generator, seeds: int, *, seed_effects: bool, difference: float = 0.0
    ) -> dict[str, Array]:
        """Counts of eight made-up strategies; the first is better than the others by `difference`."""
        examples = self.pool.shape[1]
        drawn = generator.integers(0, examples, examples)
        made = {}
        for k in range(STRATEGIES):
            owners = generator.integers(0, self.owner.max() + 1, examples)
            improved = generator.random(examples) < self._share(difference if k == 0 else 0.0)
            sd = self.seed_sd[k % len(self.seed_sd)] if seed_effects else 0.0
            rows = []
            for _ in range(seeds):
                chosen = _pick(generator, self.owner[:, None] == owners)
                share = self._share(generator.normal(0, sd) if sd else 0.0)
                replaced = generator.random(examples) < abs(share)
                chosen = np.where(
                    replaced, _pick(generator, (self.best if share > 0 else self.worst)[:, drawn]), chosen
                )
                chosen = np.where(improved, _pick(generator, self.best[:, drawn]), chosen)
                rows.append(self.pool[chosen, drawn])
            made[f"made-up {k}"] = np.stack(rows)
        return made

    def _share(self, effect: float) -> float:
        return float(np.interp(effect, self.effects, self.shares)) if effect else 0.0


def read_runs(folders: Sequence[Path], metric: str | None, split: str | None) -> RealRuns:
    """The finished runs of all comparisons; a strategy may have its seeds in several of them."""
    rows: dict[str, dict[int, list[dict[str, Any]]]] = {}
    models: set[str] = set()
    task = ""
    for folder in folders:
        for run in find_runs(folder):
            record = read_record(run)
            if record.status != "done":
                continue
            metric, task = metric or record.selection_metric, record.task
            models.add(record.model_name)
            found = read_predictions(run, split or _test_split(run))
            if not found:
                raise SystemExit(f"--split {split}: {run} has no predictions on it.")
            if record.seed in rows.setdefault(record.strategy, {}):
                raise SystemExit(
                    f"{run}: {record.strategy} with seed {record.seed} was already read from another folder."
                )
            rows[record.strategy][record.seed] = found
    if not rows or len(models) > 1:
        raise SystemExit(f"Expected finished runs of one model in {', '.join(map(str, folders))}; found {len(models)}.")
    known = TASKS[task].resampled
    if metric not in known:
        raise SystemExit(f"--metric {metric}: expected one of {', '.join(known)}.")
    resampled = known[metric]
    every = [one for by_seed in rows.values() for one in by_seed.values()]
    gold = [row["gold"] for row in every[0]]
    if any([row["gold"] for row in one] != gold for one in every):
        raise SystemExit("The runs were not scored on the same examples; give comparisons on the same data.")
    labels = resampled.labels(row[side] for one in every for row in one for side in ("gold", "predicted"))
    counts, right = {}, {}
    for strategy, by_seed in rows.items():
        answers = [[row["predicted"] for row in by_seed[seed]] for seed in sorted(by_seed)]
        counts[strategy] = np.stack([resampled.counts(gold, one, labels) for one in answers])
        right[strategy] = np.array([[_share_right(g, p) for g, p in zip(gold, one, strict=True)] for one in answers])
    return RealRuns(metric, resampled, counts, right, {strategy: sorted(by_seed) for strategy, by_seed in rows.items()})


def same_seed_correlation(runs: RealRuns) -> float | None:
    """Mean correlation between strategies of the scores with the same seed; what pairing by seed could gain."""
    scores = {
        name: dict(zip(runs.seeds[name], runs.score(counts.sum(axis=1)), strict=True))
        for name, counts in runs.counts.items()
    }
    found = []
    for a, b in combinations(scores.values(), 2):
        shared = sorted(a.keys() & b.keys())
        pair = np.array([[one[seed] for seed in shared] for one in (a, b)])
        if len(shared) > 2 and (pair.std(axis=1) > 0).all():
            found.append(float(np.corrcoef(pair)[0, 1]))
    return float(np.mean(found)) if found else None


def _pick(generator: np.random.Generator, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For each column one of the rows that are allowed there, each with the same probability."""
    ranks = generator.random(allowed.shape[1]) * allowed.sum(axis=0)
    picked: npt.NDArray[np.int64] = (np.cumsum(allowed, axis=0) > ranks).argmax(axis=0)
    return picked


def _mean_of_chosen(pool: Array, chosen: npt.NDArray[np.bool_]) -> Array:
    """Summed counts (counts,) if each example takes a random one of the chosen runs."""
    result: Array = np.einsum("re,rec->c", chosen / chosen.sum(axis=0), pool)
    return result


def _seed_variance(counts: Array, score: Callable[[Array], Array]) -> float:
    """Variance between seeds beyond what the examples explain."""
    resampled = resampled_scores([counts], score, repetitions=1000)[0]
    deviations = resampled - resampled.mean(axis=0)
    shared = float(deviations.var(axis=1, ddof=1).mean())
    return max(0.0, float(score(counts.sum(axis=1)).var(ddof=1)) - shared)


def _test_split(run: Path) -> str:
    """The first split in the predictions that is not validation."""
    lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return next((split for line in lines if (split := json.loads(line)["split"]) != "validation"), "test")


def _words(labels: str | Sequence[str]) -> Sequence[str]:
    return [labels] if isinstance(labels, str) else labels


def _share_right(gold: str | Sequence[str], predicted: str | Sequence[str]) -> float:
    pairs = list(zip(_words(gold), _words(predicted), strict=True))
    return sum(g == p for g, p in pairs) / max(1, len(pairs))
