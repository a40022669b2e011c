"""How fast networks of different shapes answer, measured side by side: what a smaller one is wanted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from unfreeze.data.examples import Example
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.storage.records import RunRecord, find_runs, read_record
from unfreeze.tasks import Task

CHARACTERS = 10_000  # of the examples that are answered
ROUNDS = 5


def answering_speeds(
    output: Path, examples: Sequence[Example], task: Task, device: str, told: Callable[[str], object]
) -> list[dict[str, Any]]:
    """The entries of `speeds` in `comparison.json`: one for each model and number of layers; none where there is only
    one shape, for its networks answer equally fast whatever was trained in them.

    Args:
        told: hears that something is being measured.
    """
    folders = {(one.model_name, one.num_layers): output / str(one.model) for one in _saved(output)}
    if len(folders) < 2 or task.draws_answers:  # what draws them is not saved
        return []
    told("texts a second: networks of several shapes answer in turns")
    some = _first(examples)
    predictors = {shape: load_predictor(folder, task=task, device=device) for shape, folder in folders.items()}
    seconds: dict[tuple[str, int | None], list[float]] = {shape: [] for shape in predictors}
    for number in range(1 + ROUNDS):
        for shape, predictor in predictors.items():
            taken = _seconds(predictor, some)
            if number:  # the first round warms up
                seconds[shape].append(taken)
    return [
        {
            "model_name": model,
            "num_layers": layers,
            "texts": len(some),
            "texts_per_second": round(len(some) / median(taken), 1),
            "low": round(len(some) / max(taken), 1),
            "high": round(len(some) / min(taken), 1),
        }
        for (model, layers), taken in seconds.items()
    ]


def _saved(output: Path) -> list[RunRecord]:
    """The runs whose model is there."""
    records = [read_record(folder) for folder in find_runs(output)]
    return [one for one in records if one.model is not None and (output / one.model / "config.json").is_file()]


def _first(examples: Sequence[Example]) -> Sequence[Example]:
    """So many of them that they hold `CHARACTERS` characters, at least one."""
    taken = characters = 0
    while taken < len(examples) and characters < CHARACTERS:
        characters += sum(map(len, examples[taken].parts))
        taken += 1
    return examples[:taken]


def _seconds(predictor: Predictor, examples: Sequence[Example]) -> float:
    begin = time.perf_counter()
    predictor.predict_examples(examples)
    return time.perf_counter() - begin
