"""`python -m soak [--short] [--seed N] [NUMBER ...]`: a line for each trial; 1 if a promise is not kept."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from soak import trials
from soak.trial import Figure, Ground, Trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="which trials; by default all")
    parser.add_argument("--short", action="store_true", help="few attempts, as within `make test`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    options = parser.parse_args()
    chosen = [one for one in trials() if not options.numbers or one.number in options.numbers]
    rows, kept = [], True
    for trial in chosen:
        figure, seconds = attempt(trial, options.short, options.seed)
        rows.append((trial, figure, seconds))
        kept &= figure.kept
        print(_line(trial, figure, seconds), flush=True)
    if options.markdown is not None:
        options.markdown.write_text(_markdown(rows), encoding="utf-8")
    return 0 if kept else 1


def attempt(trial: Trial, short: bool, seed: int) -> tuple[Figure, float]:
    """One trial in a folder of its own; whatever it raises is a promise that is not kept."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"soak-{trial.number}-") as folder:
        try:
            figure = trial.run(Ground(Path(folder), short, seed))
        except Exception as error:
            figure = Figure(0, 1, f"{type(error).__name__}: {error}")
    return figure, time.monotonic() - begin


def _line(trial: Trial, figure: Figure, seconds: float) -> str:
    verdict = "kept" if figure.kept else "NOT KEPT"
    stock = f" | stock Trainer: {figure.stock}" if figure.stock else ""
    counted = f"{figure.good}/{figure.attempts}"
    return f"{trial.number:3} {trial.name:60} {counted:>11} {verdict}, {seconds:.0f} s  {figure.detail}{stock}"


def _markdown(rows: list[tuple[Trial, Figure, float]]) -> str:
    lines = [
        "| # | promise | trial | as promised | the stock Trainer | remarks | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for trial, figure, seconds in rows:
        lines.append(
            f"| {trial.number} | {trial.promise} | {trial.name} | {figure.good:,} of {figure.attempts:,} "
            f"| {figure.stock} | {figure.detail} | {seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
