"""Do the speed levers change scores? The same runs with them and without, over several seeds.

    python benchmarks/equivalence.py [--data D] [--strategies full freeze:first=4] [--seeds 10] [--train-samples 2000]

For each strategy: the difference of the test scores (with minus without) of each seed, their mean, its 90 % interval
and the verdict of two one-sided t-tests at 5 % (Schuirmann 1987): the scores are equivalent if the interval lies
within the bound. Levers that round otherwise give another run of the same kind, so that a seed's two scores differ
about as much as those of two seeds; what is asked for is that they do not differ to one side.

`--frozen-dropout` lets the runs without levers drop out in frozen layers too, as the stock Trainer does: it asks the
same of layers frozen in evaluation mode, which the cache needs. An interrupted call with `--folder` goes on there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory

import unfreeze
from unfreeze.statistics.student import student_quantile

BOUND = 0.005  # half a point


@dataclass(frozen=True)
class Row:
    """One strategy and metric; scores are shares of 1."""

    strategy: str
    metric: str
    with_levers: float
    without: float
    difference: float
    low: float
    high: float
    seed_spread: float  # standard deviation of the scores without levers over the seeds
    equivalent: bool
    differences: list[float]


def main() -> None:
    options = _options()
    with TemporaryDirectory() as temporary:
        _compare(options, options.folder or Path(temporary))


def _compare(options: argparse.Namespace, folder: Path) -> None:
    rows = []
    for number, strategy in enumerate(options.strategies):
        scores = {levers: _scores(options, strategy, levers, folder / f"{number}-{levers}") for levers in ("on", "off")}
        for metric in options.metrics:
            pairs = [(a[metric], b[metric]) for a, b in zip(scores["on"], scores["off"], strict=True)]
            rows.append(_row(strategy, metric, pairs))
            print(rows[-1], flush=True)
    print(_table(rows))
    options.output.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    print(f"written: {options.output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample:emotion")
    parser.add_argument("--strategies", nargs="+", default=["full", "freeze:first=4"])
    parser.add_argument("--metrics", nargs="+", default=["accuracy", "macro_f1"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train-samples", type=int, default=2000)
    parser.add_argument("--frozen-dropout", action="store_true", help="without levers: dropout in frozen layers too")
    parser.add_argument("--folder", type=Path, help="where the runs stay (default: a temporary folder)")
    parser.add_argument("--output", type=Path, default=Path("equivalence.json"))
    return parser.parse_args()


def _scores(options: argparse.Namespace, strategy: str, levers: str, output: Path) -> list[dict[str, float]]:
    """The test scores of each seed. All runs of a comparison have the same data; its validation is not cut down."""
    done = unfreeze.compare(
        model="minilm",
        data=options.data,
        task="classification",
        strategy=[strategy],
        epochs=options.epochs,
        early_stopping_patience=None,
        max_train_samples=options.train_samples,
        seeds=options.seeds,
        speedups=levers,
        frozen_dropout=options.frozen_dropout and levers == "off",
        plan=False,
        output=output,
    )
    return [record.test for record in sorted(done.records, key=lambda record: record.seed)]


def _row(strategy: str, metric: str, pairs: list[tuple[float, float]]) -> Row:
    differences = [a - b for a, b in pairs]
    middle, error = mean(differences), stdev(differences) / sqrt(len(differences))
    reach = student_quantile(len(differences) - 1, 0.95) * error
    low, high = middle - reach, middle + reach
    without = [b for _, b in pairs]
    return Row(
        strategy,
        metric,
        mean(a for a, _ in pairs),
        mean(without),
        middle,
        low,
        high,
        stdev(without),
        max(-low, high) < BOUND,
        differences,
    )


def _table(rows: list[Row]) -> str:
    lines = [
        "| strategy | metric | with levers | without | difference | 90 % interval | spread of seeds | equivalent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        points = [f"{100 * one:+.2f}" for one in (row.difference, row.low, row.high)]
        lines.append(
            f"| {row.strategy} | {row.metric} | {row.with_levers:.4f} | {row.without:.4f} | {points[0]} "
            f"| {points[1]} to {points[2]} | {100 * row.seed_spread:.2f} | {'yes' if row.equivalent else 'not shown'} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
