"""What each run answered on each split, as far as comparing runs needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfreeze.storage.lines import read_lines
from unfreeze.storage.records import PREDICTIONS_FILE, RunRecord

Row = str | list[str]  # one label for a text, or one tag for each word


class AlignmentError(ValueError):
    """Predictions that are not of the same examples in the same order, so that nothing can be compared."""


@dataclass(frozen=True)
class Answers:
    """The answers of one run on one split, in order of the examples; those without a label are left out."""

    indices: list[int]
    gold: list[Row]
    predicted: list[Row]
    confidence: list[list[float]]  # probability of the answer, for tags one for each word
    examples: int  # with those left out

    def rows(self) -> list[dict[str, Any]]:
        """As `statistics.disagreement` reads them: the probabilities of labels that were not chosen are gone."""
        columns = zip(self.indices, self.gold, self.predicted, self.confidence, strict=True)
        return [{"index": i, "gold": gold, "predicted": said, "scores": scores} for i, gold, said, scores in columns]


@dataclass
class AnswersOfRuns:
    """The answers of the runs of a comparison on the splits named; each file is read once."""

    output: Path
    splits: Sequence[str]
    _read: dict[str, dict[str, Answers]] = field(default_factory=dict, init=False)

    def of(self, record: RunRecord, split: str) -> Answers | None:
        """The answers of a finished run; None if it has none on that split."""
        assert record.model is not None
        if record.model not in self._read:
            self._read[record.model] = read_answers((self.output / record.model).parent, self.splits)
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


def read_answers(folder: Path, splits: Sequence[str]) -> dict[str, Answers]:
    """Split -> answers of one run, for those of the splits on which it has predictions."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in read_lines(folder / PREDICTIONS_FILE):
        if row["split"] in splits:
            if isinstance(row["predicted"], str):
                row["scores"] = [max(row["scores"], default=0.0)]
            rows.setdefault(row["split"], []).append(row)
    return {split: _answers(some) for split, some in rows.items()}


def _answers(rows: Sequence[Mapping[str, Any]]) -> Answers:
    known = sorted((row for row in rows if row["gold"] is not None), key=lambda row: int(row["index"]))
    return Answers(
        [row["index"] for row in known],
        [_one_copy(row["gold"]) for row in known],
        [_one_copy(row["predicted"]) for row in known],
        [row["scores"] for row in known],
        len(rows),
    )


def _one_copy(row: Row) -> Row:
    """The row with one copy of each label in memory, however often it occurs."""
    return sys.intern(row) if isinstance(row, str) else [sys.intern(label) for label in row]
