"""How much faster than the stock Trainer: same model, data and epochs, three sides in turn, medians of several rounds.

    python benchmarks/against_stock.py [--models minilm bert-base multilingual-distilbert] [--rounds 3] [--device cpu]

Each training is a process of its own (`unfreeze_side.py`, `stock_side.py`), so that its peak memory is its own. The
stock sides train one epoch, and their longer runs are scaled up from it: `end to end` is all they took, and the other
epochs with their evaluations, without the saving. Models above 60 M parameters make 70 steps, of which the last 60 are
timed.
Nothing else must run on the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from workload import WARM_UP_STEPS, Measured, Workload, machine

HERE = Path(__file__).parent
SIDES = ("stock default", "stock tuned", "unfreeze")
LARGE_STEPS = 60 + WARM_UP_STEPS
STRATEGIES = {  # what is trained, its rate, the epochs of the end-to-end figure
    "full": ("full", 2e-4, 6),
    "lora": ("lora:r=8,target_modules=query+key+value", 1e-3, 19),
    "freeze": ("freeze:first=4", 2e-4, 5),
    "head": ("head", 2e-2, 30),
}


@dataclass(frozen=True)
class Line:
    """The medians of one workload: what the stock sides take, over what unfreeze takes."""

    title: str
    figure: str
    default: float
    tuned: float
    spread: tuple[float, float]  # the lowest and the highest ratio to the tuned one


def main() -> None:
    options = _options()
    results: dict[str, list[dict[str, Measured]]] = {}
    workloads = _workloads(options)
    for workload in workloads:
        rounds = results.setdefault(workload.title, [])
        for number in range(options.rounds):
            found = {side: _measure(workload, side) for side in SIDES}
            rounds.append(found)
            said = ", ".join(f"{side} {one.step_seconds * 1e3:.1f} ms a step" for side, one in found.items())
            print(f"{workload.title}, round {number + 1}: {said}", flush=True)
    lines = [line for workload in workloads for line in _lines(workload, results[workload.title])]
    lines += _comparison(workloads, results)
    print(f"{machine()}; {options.batch_size} texts a batch\n\n{_table(lines)}\n")
    for title, rounds in results.items():
        print(_memory_and_peak(title, rounds))
    written = {title: [{side: vars(one) for side, one in found.items()} for found in r] for title, r in results.items()}
    options.output.write_text(
        json.dumps(
            {
                "machine": machine(),
                "options": vars(options),
                "lines": [vars(line) for line in lines],
                "rounds": written,
            },
            indent=1,
            default=str,
        )
    )
    print(f"written: {options.output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["minilm", "bert-base", "multilingual-distilbert"])
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=list(STRATEGIES))
    parser.add_argument("--data", default="sample:emotion")
    parser.add_argument("--train-samples", type=int)
    parser.add_argument("--eval-samples", type=int)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("against_stock.json"))
    return parser.parse_args()


def _workloads(options: argparse.Namespace) -> list[Workload]:
    made = []
    for model in options.models:
        large = model != "minilm"
        for name in options.strategies if not large else ["full"]:
            strategy, rate, epochs = STRATEGIES[name]
            made.append(
                Workload(
                    title=f"{model}, {name}",
                    model=model,
                    strategy=strategy,
                    learning_rate=rate,
                    epochs=1 if large else epochs,
                    data=options.data,
                    train_samples=options.train_samples,
                    eval_samples=64 if large else options.eval_samples,
                    max_steps=LARGE_STEPS if large else None,
                    device=options.device,
                    batch_size=options.batch_size,
                )
            )
    return made


def _measure(workload: Workload, side: str) -> Measured:
    if side != "unfreeze":
        workload = replace(workload, epochs=1)
    script = "unfreeze_side.py" if side == "unfreeze" else "stock_side.py"
    command = [sys.executable, str(HERE / script), workload.on_command_line(), side.removeprefix("stock ")]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"{workload.title}, {side}:\n{ended.stderr[-3000:]}")
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))


def _lines(workload: Workload, rounds: Sequence[dict[str, Measured]]) -> list[Line]:
    figures: dict[str, Any] = {"a step": lambda one: one.step_seconds}
    if workload.max_steps is None:
        figures["an epoch"] = lambda one: one.epoch_seconds
        figures["evaluation"] = lambda one: one.evaluate_seconds
        figures[f"{workload.epochs} epochs, end to end"] = lambda one: _end_to_end(one, workload.epochs)
    return [
        _line(workload.title, name, [{side: figure(found[side]) for side in SIDES} for found in rounds])
        for name, figure in figures.items()
    ]


def _comparison(workloads: Sequence[Workload], results: dict[str, list[dict[str, Measured]]]) -> list[Line]:
    """The comparison of full, LoRA and head as the sum of its trainings; ours shares nothing between them here."""
    names = {f"minilm, {name}" for name in ("full", "lora", "head")}
    compared = [one for one in workloads if one.title in names]
    if len(compared) < len(names):
        return []
    epochs = [one.epochs for one in compared]
    seconds = [
        {side: sum(map(_end_to_end, (found[side] for found in each), epochs)) for side in SIDES}
        for each in zip(*(results[one.title] for one in compared), strict=True)
    ]
    named = ", ".join(f"{one.strategy.split(':')[0]} {one.epochs}" for one in compared)
    return [_line("minilm, comparison", f"{named} epochs, end to end", seconds)]


def _end_to_end(one: Measured, epochs: int) -> float:
    more = epochs - one.epochs
    return one.seconds + more * ((one.epoch_seconds or 0) + (one.evaluate_seconds or 0)) if more else one.seconds


def _line(title: str, name: str, seconds: Sequence[dict[str, float]]) -> Line:
    """What the sides took in each round, as ratios."""
    default, tuned = ([each[side] / each["unfreeze"] for each in seconds] for side in SIDES[:2])
    return Line(title, name, median(default), median(tuned), (min(tuned), max(tuned)))


def _table(lines: Sequence[Line]) -> str:
    rows = ["| | | stock default | stock tuned | (lowest to highest) |", "|---|---|---|---|---|"]
    for line in lines:
        low, high = line.spread
        rows.append(
            f"| {line.title} | {line.figure} | {line.default:.2f}x | {line.tuned:.2f}x | {low:.2f} to {high:.2f} |"
        )
    return "\n".join(rows)


def _memory_and_peak(title: str, rounds: Sequence[dict[str, Measured]]) -> str:
    memory = {side: median(found[side].peak_bytes for found in rounds) / 1e9 for side in SIDES}
    ours = [found["unfreeze"] for found in rounds]
    share = median((one.flops_per_second or 0) / one.peak_flops for one in ours)
    said = ", ".join(f"{side} {value:.2f} GB" for side, value in memory.items())
    scores = ", ".join(f"{side} {median(found[side].score or 0 for found in rounds):.3f}" for side in SIDES)
    return f"{title}: peak memory {said}; {100 * share:.0f} % of the peak of products; test macro F1 {scores}"


if __name__ == "__main__":
    main()
