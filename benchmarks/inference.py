"""How many times faster than the stock pipeline a model answers: the table of `unfreeze speed`, and the ratios.

    python benchmarks/inference.py MODEL [MODEL ...] --test-file FILE [--rounds 5] [--threads 2] [--output FILE]

Both sides answer the same texts on the CPU with the same threads, from text to answer, in turn. A ratio is the median
throughput of an engine over that of the stock pipeline, by default (`batch_size=1`) and in batches of 32; its
spread is that of the worst and the best pairing of rounds. Nothing else must run on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workload import machine

from unfreeze.cli.speed import print_speeds
from unfreeze.data.request import DataRequest
from unfreeze.data.sources import load_for_scoring
from unfreeze.inference.engines import STOCK
from unfreeze.inference.predictor import load_predictor
from unfreeze.inference.requests import requests_of
from unfreeze.inference.speed import Plan, Speed, measure_speed

TARGET = 3.0  # times the stock pipeline by default


@dataclass(frozen=True)
class Ratio:
    """The throughput of one engine over that of the stock pipeline."""

    model: str
    engine: str
    to: str
    times: float
    worst: float
    best: float

    def __str__(self) -> str:
        return f"{self.engine}: {self.times:.1f}x {self.to} ({self.worst:.1f} to {self.best:.1f})"


def main() -> None:
    options = _options()
    first = load_predictor(options.models[0], device="cpu")
    corpus = load_for_scoring(DataRequest(test_file=(str(options.test_file),)))
    examples = next(iter(corpus.tests.values()))
    plan = Plan(rounds=options.rounds, requests=options.requests, threads=options.threads)
    inputs = requests_of(examples, first.task)
    found = measure_speed(options.models, inputs, examples, first.task.selection_metric, plan, _told)
    ratios = _ratios(found)
    print(machine())
    print_speeds(found, len(inputs))
    print("\n".join(["", *map(str, ratios)]))
    written = {
        "machine": machine(),
        "engines": [one.as_json() for one in found],
        "ratios": [vars(one) for one in ratios],
    }
    options.output.write_text(json.dumps(written, indent=1))
    print(f"written: {options.output}")
    missed = [one for one in ratios if one.engine == "unfreeze fp32" and one.to.endswith("=1") and one.times < TARGET]
    sys.exit(1 if missed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--test-file", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, default=Path("inference.json"))
    return parser.parse_args()


def _ratios(found: Sequence[Speed]) -> list[Ratio]:
    """Of every other engine of a model to both settings of its stock pipeline."""
    return [
        Ratio(
            one.model,
            one.engine,
            stock.engine,
            one.texts_per_second / stock.texts_per_second,
            one.slowest_round / stock.fastest_round,
            one.fastest_round / stock.slowest_round,
        )
        for one in found
        for stock in found
        if one.model == stock.model and stock.engine.startswith(STOCK) and not one.engine.startswith(STOCK)
    ]


def _told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
