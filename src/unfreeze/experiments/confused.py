"""Which labels each strategy takes for which, as `comparison.json` says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from unfreeze.experiments.answers import Answers, AnswersOfRuns
from unfreeze.metrics.confusion import confusion, most_confused
from unfreeze.storage.records import RunRecord
from unfreeze.tasks import Task


def confusion_entries(
    finished: Sequence[RunRecord], answers: AnswersOfRuns, split: str, task: type[Task]
) -> list[dict[str, Any]]:
    """The entries of `confusion`: one for each model and strategy, counts summed over seeds; none without labels.

    Args:
        split: as in the predictions.
    """
    if not task.has_labels:
        return []
    entries = []
    for model in dict.fromkeys(record.model_name for record in finished):
        here = [record for record in finished if record.model_name == model]
        for strategy, by_seed in answers.by_strategy(here, split).items():
            pairs = [pair for one in by_seed for pair in _pairs(one)]
            labels, counts = confusion(pairs)
            if labels:
                named = {"model_name": model, "strategy": strategy, "split": split, "seeds": len(by_seed)}
                most = [
                    dict(zip(("gold", "answered", "number", "of"), one, strict=True)) for one in most_confused(pairs)
                ]
                in_all = len({label for pair in pairs for label in pair})
                entries.append({**named, "labels": labels, "counts": counts, "most": most, "labels_in_all": in_all})
    return entries


def _pairs(answers: Answers) -> Iterator[tuple[str, str]]:
    """(gold, answered) of each text, or of each word."""
    for one in answers.compared:
        if isinstance(one.gold, str):
            yield one.gold, str(one.predicted)
        else:
            yield from zip(one.gold, one.predicted, strict=True)
