"""The learning rate of each strategy, found on validation by successive halving.

Every strategy tries the same multiples of its own default with a quarter of a run's training; the better half (rounded
down, but two at least) starts again with the whole of it, and the best of these is taken (Jamieson & Talwalkar 2016,
algorithm 1, with two rounds). Each trial has a schedule that ends with it. Nothing is random: seed, order and budget
are fixed before. A short trial is kinder to high rates than a whole run: no trial is shorter than that, and the last
round has trainings as long as the run's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.experiments.bench import Bench
from unfreeze.experiments.cell import Cell
from unfreeze.storage.records import RunRecord
from unfreeze.strategies import Strategy

FIRST_SHARE, LAST_SHARE = 0.25, 1.0  # of a run's training


def rounds(candidates: int) -> list[tuple[int, float]]:
    """(rates tried, share of a run's training) of each round.

    >>> rounds(5), rounds(2)
    ([(5, 0.25), (2, 1.0)], [(2, 1.0)])
    """
    last = max(2, candidates // 2)
    return [(candidates, FIRST_SHARE)] * (candidates > last) + [(last, LAST_SHARE)]


def search_budget(candidates: int) -> float:
    """What a search costs, in runs.

    >>> search_budget(5)
    3.25
    """
    return sum(count * share for count, share in rounds(candidates))


def search_rates(
    bench: Bench, strategies: Mapping[str, Sequence[Strategy]]
) -> tuple[dict[tuple[str, Strategy], float], list[dict[str, Any]]]:
    """The rate found for each model and strategy, and the entries of `search` in `comparison.json`.

    A strategy whose trials all diverged or failed has no rate: it runs with its own.
    """
    factors = bench.settings.lr_search_factors
    left = {
        (model, strategy): [_rounded(factor * strategy.learning_rate) for factor in factors]
        for model, known in strategies.items()
        for strategy in known
    }
    trials: dict[tuple[str, Strategy], list[tuple[Cell, RunRecord]]] = {key: [] for key in left}
    planned = rounds(len(factors))
    for (_, share), (survivors, _) in zip(planned, [*planned[1:], (1, 0.0)], strict=True):
        cells = [
            Cell(model, strategy, bench.settings.seed, rate, share=share, is_trial=True)
            for (model, strategy), rates in left.items()
            for rate in rates
        ]
        records = bench.make(cells)
        for key in left:
            here = [(cell, records[cell]) for cell in cells if (cell.model, cell.strategy) == key]
            trials[key] += here
            left[key] = _best(here, survivors)
    found = {key: rates[0] for key, rates in left.items() if rates}
    return found, [_entry(key, found.get(key), trials[key], len(factors)) for key in left]


def _rounded(rate: float) -> float:
    """Without the noise of multiplying: the rate that is printed is the rate that trained."""
    return float(f"{rate:.6g}")


def _best(trials: Sequence[tuple[Cell, RunRecord]], keep: int) -> list[float]:
    """The rates with the best scores, of equal scores with the lower loss. One that learnt nothing is none of them,
    unless it is needed for the next round: a longer trial may learn."""
    scored = [(record, cell.learning_rate) for cell, record in trials if _score(record) is not None]
    ranked = sorted(scored, key=lambda one: (bool(one[0].degenerate), -(_score(one[0]) or 0.0), _loss(one[0]), one[1]))
    if keep == 1:
        ranked = [one for one in ranked if not one[0].degenerate]
    return [rate for _, rate in ranked[:keep] if rate is not None]


def _loss(record: RunRecord) -> float:
    return record.validation.get("loss", float("inf"))


def _score(record: RunRecord) -> float | None:
    return record.validation.get(record.selection_metric or "") if record.status == "done" else None


def _entry(
    key: tuple[str, Strategy], chosen: float | None, trials: Sequence[tuple[Cell, RunRecord]], candidates: int
) -> dict[str, Any]:
    model, strategy = key
    tried = sorted({cell.learning_rate for cell, _ in trials if cell.learning_rate is not None})
    edge = {tried[0]: "lowest", tried[-1]: "highest"}.get(chosen or 0.0)
    return {
        "model_name": model,
        "strategy": str(strategy),
        "chosen": chosen,
        "edge": edge,
        "budget": f"{search_budget(candidates):g} runs' worth of training with one seed",
        "trials": [
            {
                "learning_rate": cell.learning_rate,
                "share": cell.share,
                "steps": record.steps,
                "score": _score(record),
                "loss": record.validation.get("loss"),
                "status": record.status,
                "degenerate": record.degenerate,
            }
            for cell, record in trials
        ],
        "train_seconds": round(sum(record.train_seconds or 0.0 for _, record in trials), 3),
        "sentence": _sentence(str(strategy), chosen, edge, tried, [record for _, record in trials]),
    }


def _sentence(
    strategy: str, chosen: float | None, edge: str | None, tried: Sequence[float], trials: Sequence[RunRecord]
) -> str:
    span = f"from {tried[0]:g} to {tried[-1]:g}"
    if chosen is None and any(record.degenerate for record in trials):
        return f"{strategy}: no learning rate {span} learnt anything in so short a training; its own is used."
    if chosen is None:
        return f"{strategy}: no learning rate {span} trained to the end; its own is used."
    if edge is not None:
        beyond = "lower" if edge == "lowest" else "higher"
        return (
            f"{strategy}: {chosen:g} was best, the {edge} rate tried: a {beyond} one may be better. Widen "
            "--lr-search-factors, or give the strategy another learning_rate to search around."
        )
    return f"{strategy}: {chosen:g} was best of {len(tried)} rates from {tried[0]:g} to {tried[-1]:g}."
