"""How often a verdict is wrong, and how often a true difference is found, on predictions of real runs.

    python benchmarks/verdicts.py COMPARISON [COMPARISON ...] [--metric accuracy] [--output verdicts.json]

It reads the predictions of several strategies with several seeds, builds families of eight made-up strategies out of
them whose truth is known, lets `compare_pairs` judge all 28 pairs of each family, and counts. How a family is made is
said at `made_up_strategies.World`; it is real predictions throughout, recombined.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from made_up_strategies import STRATEGIES, Array, World, read_runs, same_seed_correlation

from unfreeze.statistics.bootstrap import example_weights, resampled_scores
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.statistics.verdict import holm

WEIGHTS_EQUAL = "these weights are equal"
SEEDS_DIFFER = "the strategies are equal, seeds differ"
BOOTSTRAP = 5000  # what `compare_pairs` draws for 28 pairs by itself


@dataclass(frozen=True)
class Row:
    """What happened in the families of one kind; a share is of families, the power is of pairs."""

    seeds: int
    null: str  # of what it is true that all are equal, or what the difference is
    families: int
    better_said: float | None = None  # families in which any equals were called better or worse
    plain_bootstrap: float | None = None  # the same for a bootstrap over seeds and examples, Holm-corrected
    ties_said: float | None = None  # pairs of equals called a tie
    power: float | None = None  # pairs with the true difference that are called rightly
    difference: float | None = None


def judge_families(
    world: World,
    seeds: int,
    families: int,
    weights: npt.NDArray[np.float32],
    *,
    seed_effects: bool,
    difference: float = 0.0,
    plain: bool = False,
    seed: int = 0,
) -> Row:
    """Make families, let `compare_pairs` judge them as in a comparison, and count."""
    score = world.runs.score
    said, said_plainly, ties, found = 0, 0, 0, 0
    for number in range(families):
        generator = np.random.default_rng((seed, seeds, int(1e6 * difference), seed_effects, number))
        made = world.family(generator, seeds, seed_effects=seed_effects, difference=difference)
        entries = compare_pairs(made, score, model_name="", split="", metric=world.runs.metric, weights=weights)
        different = [entry for entry in entries if difference and "made-up 0" in (entry["a"], entry["b"])]
        equal = [entry for entry in entries if entry not in different]
        said += any(entry["verdict"] in ("better", "worse") for entry in equal)
        ties += sum(entry["verdict"] == "tie" for entry in equal)
        found += sum(entry["verdict"] == "better" for entry in different)  # the first is always `a`
        if plain:
            said_plainly += _plain_bootstrap_finds(made, score, weights, generator)
    if difference:
        null = f"one of {STRATEGIES} is better"
        return Row(seeds, null, families, power=found / (families * (STRATEGIES - 1)), difference=difference)
    null = SEEDS_DIFFER if seed_effects else WEIGHTS_EQUAL
    pairs = STRATEGIES * (STRATEGIES - 1) // 2
    return Row(
        seeds, null, families, said / families, said_plainly / families if plain else None, ties / (families * pairs)
    )


def relabelled(
    world: World, seeds: int, families: int, weights: npt.NDArray[np.float32], *, seed: int = 0
) -> Row | None:
    """The null without any model: seeds of one real strategy, shuffled into eight groups; None if it has too few."""
    largest = max(world.runs.counts, key=lambda name: len(world.runs.counts[name]))
    counts = world.runs.counts[largest]
    if len(counts) < STRATEGIES * seeds:
        return None
    said = 0
    for number in range(families):
        generator = np.random.default_rng((seed, seeds, number))
        order = generator.permutation(len(counts))[: STRATEGIES * seeds].reshape(STRATEGIES, seeds)
        drawn = generator.integers(0, counts.shape[1], counts.shape[1])
        made = {f"made-up {k}": counts[group][:, drawn] for k, group in enumerate(order)}
        entries = compare_pairs(
            made, world.runs.score, model_name="", split="", metric=world.runs.metric, weights=weights
        )
        said += any(entry["verdict"] in ("better", "worse") for entry in entries)
    return Row(seeds, f"seeds of {largest}, relabelled", families, said / families)


def run_all(world: World, seeds: Sequence[int], families: int, power_families: int, *, seed: int = 0) -> list[Row]:
    """All rows of the table; a line on stderr after each, as it takes minutes."""
    weights = example_weights(world.pool.shape[1], BOOTSTRAP)
    rows: list[Row] = []
    judge = partial(judge_families, world, weights=weights, seed=seed)

    def add(row: Row | None) -> None:
        if row is not None:
            rows.append(row)
            print(f"{time.strftime('%H:%M:%S')} {row}", file=sys.stderr, flush=True)

    for count in seeds:
        if count == 1:
            add(judge(seeds=1, families=families, seed_effects=False))
        if len(world.seed_sd):
            add(judge(seeds=count, families=families, seed_effects=True, plain=count > 1))
        add(relabelled(world, count, families, weights, seed=seed))
        # A difference that no choice among the real predictions can make is left out.
        for difference in (one for one in (0.01, 0.02) if one <= world.effects.max()):
            add(judge(seeds=count, families=power_families, seed_effects=count > 1, difference=difference))
    return rows


def table(rows: Sequence[Row]) -> str:
    """One line for each number of seeds and null, with the power beside it."""
    lines = [
        '| seeds | what is equal | families | "better" said | plain bootstrap | ties | power, 1 point | 2 points |',
        "|---|---|---|---|---|---|---|---|",
    ]
    power = {(row.seeds, row.difference): row.power for row in rows}
    for row in rows:
        if row.better_said is None:
            continue
        claimed = row.null == (SEEDS_DIFFER if row.seeds > 1 else WEIGHTS_EQUAL)
        found = [_percent(power.get((row.seeds, points))) if claimed else "" for points in (0.01, 0.02)]
        null = row.null if row.seeds > 1 or claimed else f"{row.null} (not claimed with one seed)"
        shares = [_percent(one) for one in (row.better_said, row.plain_bootstrap, row.ties_said)]
        lines.append(f"| {' | '.join([str(row.seeds), null, f'{row.families:,}', *shares, *found])} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="COMPARISON")
    parser.add_argument("--metric", help="default: the one that selected")
    parser.add_argument("--split", help="default: the first test set")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--repetitions", type=int, default=2000, help="families under each null")
    parser.add_argument("--power-repetitions", type=int, default=500)
    parser.add_argument("--within", type=float, default=0.05, help="a comparable strategy is at most so far behind")
    parser.add_argument("--output", type=Path, default=Path("verdicts.json"))
    options = parser.parse_args(arguments)
    runs = read_runs(options.folders, options.metric, options.split)
    world = World.of(runs, within=options.within)
    if max(options.seeds) > 1 and not len(world.seed_sd):
        parser.error("no strategy has two seeds, so the spread between seeds is unknown; expected --seeds 1 only")
    facts = {
        "metric": runs.metric,
        "examples": world.pool.shape[1],
        "runs": {name: len(counts) for name, counts in runs.counts.items()},
        "comparable": int(world.owner.max()) + 1,
        "seed_sd": world.seed_sd.round(5).tolist(),
        "same_seed_correlation": same_seed_correlation(runs),
        "largest_effect": round(float(world.effects.max()), 4),  # beyond it a difference cannot be made
    }
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    rows = run_all(world, options.seeds, options.repetitions, options.power_repetitions)
    print(table(rows))
    result = {**facts, "rows": [asdict(row) for row in rows]}
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def _plain_bootstrap_finds(
    made: dict[str, Array],
    score: Callable[[Array], Array],
    weights: npt.NDArray[np.float32],
    generator: np.random.Generator,
) -> bool:
    """Whether a bootstrap that draws seeds as well as examples, two-sided, Holm-corrected, calls any pair different."""
    means = []
    for scores in resampled_scores(list(made.values()), score, weights=weights):
        drawn = generator.integers(0, scores.shape[1], scores.shape)
        means.append(np.take_along_axis(scores, drawn, axis=1).mean(axis=1))
    p_values = []
    for a, b in combinations(means, 2):
        tail = min(int((a <= b).sum()), int((a >= b).sum()))
        p_values.append(min(1.0, 2 * (1 + tail) / (1 + len(a))))
    return min(holm(p_values)) < 0.05


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
