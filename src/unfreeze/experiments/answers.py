"""What each run answered on each split, as far as comparing runs needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfreeze.storage.folders import inside
from unfreeze.storage.lines import read_lines
from unfreeze.storage.records import PREDICTIONS_FILE, RunRecord
from unfreeze.tasks import Task
from unfreeze.tasks.task import Comparable


class AlignmentError(ValueError):
    """Predictions that are not of the same examples in the same order, so that nothing can be compared."""


@dataclass(frozen=True)
class Answers:
    """The answers of one run on one split, in order of the examples; those without a label are left out."""

    indices: list[int]
    gold: list[Any]  # as in the file, for metrics
    predicted: list[Any]
    compared: list[Comparable]  # as runs are compared; empty where agreeing is a matter of degree
    examples: int  # with those left out

    def rows(self) -> list[dict[str, Any]]:
        """As `statistics.disagreement` reads them."""
        return [
            {"index": i, "gold": one.gold, "predicted": one.predicted, "scores": one.scores}
            for i, one in zip(self.indices, self.compared, strict=bool(self.compared))
        ]


@dataclass
class AnswersOfRuns:
    """The answers of the runs of a comparison on the splits named; each file is read once."""

    output: Path
    splits: Sequence[str]
    task: type[Task]
    _read: dict[str, dict[str, Answers]] = field(default_factory=dict, init=False)

    def of(self, record: RunRecord, split: str) -> Answers | None:
        """The answers of a finished run; None if it has none on that split."""
        assert record.model is not None
        if record.model not in self._read:
            folder = inside(self.output, record.model, self.output / "runs").parent
            self._read[record.model] = read_answers(folder, self.splits, self.task)
        return self._read[record.model].get(split)

    def by_strategy(self, records: Iterable[RunRecord], split: str) -> dict[str, list[Answers]]:
        """Strategy -> the answers of each seed, of finished runs of one model.

        Raises:
            AlignmentError: two runs did not answer the same examples.
        """
        found: dict[str, list[Answers]] = {}
        first: tuple[str, Answers] | None = None
        for record in records:
            answers = self.of(record, split)
            if answers is None:
                continue
            name = f"{record.strategy}, seed {record.seed}"
            first = first or (name, answers)
            if (answers.indices, answers.gold) != (first[1].indices, first[1].gold):
                raise AlignmentError(
                    f"{self.output}: the predictions of {name} on {split} are not of the same examples as those of "
                    f"{first[0]}. Move one of these runs out of the folder and make it again."
                )
            found.setdefault(record.strategy, []).append(answers)
        return found


def read_answers(folder: Path, splits: Sequence[str], task: type[Task]) -> dict[str, Answers]:
    """Split -> answers of one run, for those of the splits on which it has predictions."""
    rows: dict[str, list[tuple[dict[str, Any], Comparable | None]]] = {}
    for row in read_lines(folder / PREDICTIONS_FILE):
        if row["split"] in splits:
            row |= {"gold": _one_copy(row["gold"]), "predicted": _one_copy(row["predicted"])}
            compared = None if row["gold"] is None else task.comparable(row)
            del row["scores"]  # the probabilities of labels that were not chosen are not needed any more
            rows.setdefault(row["split"], []).append((row, compared))
    return {split: _answers(some) for split, some in rows.items()}


def _answers(rows: Sequence[tuple[Mapping[str, Any], Comparable | None]]) -> Answers:
    known = sorted((pair for pair in rows if pair[0]["gold"] is not None), key=lambda pair: int(pair[0]["index"]))
    return Answers(
        [row["index"] for row, _ in known],
        [row["gold"] for row, _ in known],
        [row["predicted"] for row, _ in known],
        [compared for _, compared in known if compared is not None],
        len(rows),
    )


def _one_copy(row: Any) -> Any:
    """The row with one copy of each label in memory, however often it occurs."""
    if isinstance(row, list):
        return [_one_copy(one) for one in row]
    return sys.intern(row) if isinstance(row, str) else row
