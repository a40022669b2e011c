"""A folder of made-up runs: records and predictions as a comparison writes them, without training."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.examples import Example, Origin, TaggedExample, TextExample
from unfreeze.experiments.conclude import Comparison, conclude
from unfreeze.metrics.classification import classification_scores
from unfreeze.metrics.entities import entity_scores
from unfreeze.storage.folders import run_folder
from unfreeze.storage.lines import write_lines
from unfreeze.storage.records import RunRecord, read_comparison, write_record
from unfreeze.tasks import TASKS

LABELS = ("anger", "joy", "sadness")
TEXTS = [LABELS[i % 3] for i in range(120)]
SENTENCES = [["O", ("B-PER", "B-LOC", "O")[i % 3], "O", ("O", "B-PER")[i % 2]] for i in range(60)]
SIZES = {"train": 400, "validation": 120, "news": 120}  # the test set has a name of its own

Row = str | list[str]


def wrong_in(gold: Sequence[Row], share: float, seed: int) -> list[Any]:
    """The gold rows with so many of them answered wrongly."""
    rng = random.Random(seed)
    rows: list[Any] = [row if isinstance(row, str) else list(row) for row in gold]
    for i in rng.sample(range(len(rows)), round(share * len(rows))):
        rows[i] = LABELS[(LABELS.index(rows[i]) + 1) % 3] if isinstance(rows[i], str) else ["O"] * len(rows[i])
    return rows


class Folder:
    """A comparison folder that is filled run by run."""

    def __init__(self, output: Path, gold: Sequence[Row] = TEXTS) -> None:
        self.output = output
        self.gold = gold
        self.labels: Sequence[str] = ()  # those of training, where `comparison.json` has them
        self.metric = "accuracy" if isinstance(gold[0], str) else "entity_f1"

    def add(self, strategy: str, wrong: float = 0.1, seed: int = 0, *, said: Any = None, **changes: Any) -> Path:
        """A run with that share of wrong answers, or with the answers `said`, on validation and on test."""
        model = changes.pop("model_name", "bert")
        folder = run_folder(self.output, model, strategy, json.dumps([strategy, str(changes)]), seed)
        answers = wrong_in(self.gold, wrong, seed) if said is None else said
        score = classification_scores if isinstance(self.gold[0], str) else entity_scores
        validation = score(self.gold, answers)
        values: dict[str, Any] = {"status": "done", "train_examples": 400, "num_layers": 6, "flops": 1e9}
        values |= {
            "train_seconds": 60.0,
            "fit_seconds": 65.0,
            "trainable_parameters": 1000,
            "selection_metric": self.metric,
        }
        values |= {"validation": validation, "model": str((folder / "model").relative_to(self.output))}
        task = changes.pop("task", "classification" if isinstance(self.gold[0], str) else "tagging")
        write_record(folder, RunRecord(strategy, seed, model, task, **values | changes))
        write_lines(folder / "predictions.jsonl", self._rows(answers))
        return folder

    def _rows(self, answers: Sequence[Row]) -> list[dict[str, Any]]:
        return [
            {"split": split, "index": i, "gold": gold, "predicted": said, "scores": self._scores(said)}
            for split in ("validation", "news")
            for i, (gold, said) in enumerate(zip(self.gold, answers, strict=True))
        ]

    @staticmethod
    def _scores(said: Row) -> list[float]:
        return [0.95 if label == said else 0.025 for label in LABELS] if isinstance(said, str) else [0.9] * len(said)

    def conclude(self, **changes: Any) -> Comparison:
        """The conclusion, seen to be what the file says."""
        task = TASKS["classification" if isinstance(self.gold[0], str) else "tagging"]
        data = {"sizes": SIZES} | ({"labels": list(self.labels)} if self.labels else {})
        done = conclude(self.output, data, ["a note"], task, **changes)
        assert read_comparison(self.output) == done.summary
        return done

    def texts_of(self, split: str) -> list[Example]:
        """The examples that the answers are for; the first text is a long one."""
        assert split == "news"
        return [
            TextExample(f"text {i}" + " and so on" * (60 if i == 0 else 0), gold, Origin("news.csv", i + 2))
            if isinstance(gold, str)
            else TaggedExample((f"zero{i}", "one", "two", "three"), tuple(gold))
            for i, gold in enumerate(self.gold)
        ]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "out")


@pytest.fixture
def tagged(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "out", SENTENCES)
