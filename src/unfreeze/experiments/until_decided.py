"""Adding seeds until the verdicts stand that the recommendation rests on, or the seeds are used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from unfreeze.experiments.bench import Bench
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.looks import Looks, look_levels
from unfreeze.settings import Settings
from unfreeze.statistics.candidates import candidates_from_runs
from unfreeze.statistics.spending import contenders, open_questions
from unfreeze.storage.atomic import write_json
from unfreeze.storage.records import COMPARISON_FILE


def add_seeds_until_decided(
    bench: Bench,
    cells: Sequence[Cell],
    conclude: Callable[[float], Comparison],
    what_trains: Mapping[str, str],
    looked: Looks,
) -> Comparison:
    """Look, and while the recommendation rests on an open question, run all that are not shown to be worse once more.

    Args:
        cells: those that were made, all seeds of one size.
        conclude: compares what the folder holds, at a level.
        looked: what the folder knows of looks.
    """
    settings = bench.settings
    levels = look_levels(settings.seeds, settings.max_seeds)
    whole = [cell for cell in cells if cell.train_share is None]
    first = {(cell.model, str(cell.strategy)): cell for cell in whole if cell.seed == settings.seed}
    # The looks of an earlier command on this folder were made, and their levels are spent; also where it was ended
    # before it could say so, and the seeds that it added tell.
    seen = [
        look
        for look in range(2, len(levels) + 1)
        if any(bench.recover(_cell_of_look(one, look, settings)) is not None for one in first.values())
    ]
    for look, alpha in list(enumerate(levels, start=1))[max([looked.made, 1, *seen]) - 1 :]:
        comparison = conclude(alpha)
        runs = [run for run in comparison.summary["runs"] if run["train_share"] is None]
        candidates = candidates_from_runs(runs, str(comparison.summary["selection_metric"]))
        questions = open_questions(candidates, comparison.summary["comparisons"])
        told = _told(levels, look, questions, settings, looked)
        bench.listener.said(told["sentence"])
        # Before more is trained: a command that is stopped meanwhile goes on with the same plan.
        summary = comparison.summary | {"until_decided": told}
        write_json(comparison.output / COMPARISON_FILE, summary)
        if not questions or look == len(levels):
            break
        names = [(one.model_name, one.strategy) for one in contenders(candidates, comparison.summary["comparisons"])]
        # What another command left in the folder and this one does not name gets no more seeds.
        more = [
            cell
            for name in names
            if (one := first.get(name)) is not None
            for cell in (_cell_of_look(one, so_far, settings) for so_far in range(2, look + 2))
            if bench.recover(cell) is None
        ]
        if not more:
            break
        bench.listener.planned(more, what_trains)
        bench.make(more)
    return replace(comparison, summary=summary)


def _cell_of_look(first: Cell, look: int, settings: Settings) -> Cell:
    """The run that is there for the first time at this look."""
    return replace(first, seed=settings.seed + settings.seeds - 2 + look)


def _told(
    levels: Sequence[float], look: int, questions: Sequence[str] | None, settings: Settings, looked: Looks
) -> dict[str, Any]:
    decided = questions is not None and not questions
    told: dict[str, Any] = {"looks": len(levels), "look": look, "alphas": [round(one, 6) for one in levels]}
    told |= {"seeds": settings.seeds, "max_seeds": settings.max_seeds, "unplanned": looked.unplanned}
    told |= {"decided": decided, "open": list(questions or [])}
    where = f"Look {look} of at most {len(levels)}, at the level {levels[look - 1]:.3f}"
    if questions is None:
        told["sentence"] = f"{where}: nothing can be told."
    elif decided:
        told["sentence"] = f"{where}: decided; no more seeds are needed."
    else:
        told["sentence"] = f"{where}: open how {', '.join(questions)} compare with the best."
        if look == len(levels):
            told["sentence"] += " No more looks were planned."
    if looked.unplanned:
        told["sentence"] += " Verdicts were given before without a plan; that look comes on top of these levels."
    return told
