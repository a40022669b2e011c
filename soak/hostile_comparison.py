"""A comparison in which every name is a hostile text: records and predictions by the real writers, no training."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from unfreeze.data.examples import Origin, TextExample
from unfreeze.data.findings import Finding
from unfreeze.experiments.conclude import Comparison, conclude
from unfreeze.experiments.model_card import model_card
from unfreeze.storage.atomic import write_json
from unfreeze.storage.environment import describe_environment
from unfreeze.storage.folders import ENVIRONMENT_FILE, run_folder
from unfreeze.storage.lines import write_lines
from unfreeze.storage.records import PREDICTIONS_FILE, RunRecord, write_record
from unfreeze.tasks import Classification

SEEDS = (1, 2)
EXAMPLES = 24
SPLITS = ("validation", "test")


def hostile_comparison(output: Path, text: str) -> Comparison:
    """Concluded as a comparison is after its last run."""
    strategies = {text: 0.9, f"{text} two": 0.8, "full": 0.95, "head": 0.7, "freeze:first=1": 0.85}
    for strategy, score in strategies.items():
        for seed in SEEDS:
            _write_run(output, text, strategy, seed, score)
    failed = RunRecord(f"{text} failed", 1, text, "classification", "failed", error=text)
    write_record(run_folder(output, text, failed.strategy, "x", 1), failed)
    write_json(output / ENVIRONMENT_FILE, describe_environment() | {"command": ["unfreeze", "compare", "--data", text]})
    examples = [TextExample(f"{text} {i}", _gold(text, i), Origin(text, i + 1)) for i in range(EXAMPLES)]
    return conclude(
        output,
        _data(text),
        [text],
        Classification,
        extra=_extra(text),
        texts_of=lambda split: examples,
        train_labels=[_gold(text, i) for i in range(EXAMPLES)],
    )


def card_of(text: str) -> str:
    """The README of a model that was trained so."""
    names = SimpleNamespace(names=(text, "other"))
    prepared: Any = SimpleNamespace(task=SimpleNamespace(pipeline="text-classification"), labels=names)
    return model_card(_record(text, text, 1, 0.9), prepared, text)


def _gold(text: str, i: int) -> str:
    return text if i % 2 else "other"


def _record(text: str, strategy: str, seed: int, score: float) -> RunRecord:
    scores = {"macro_f1": score + seed / 1000, "accuracy": score, "loss": 1 - score}
    history = [{"epoch": float(i), "validation": {"macro_f1": score * i / 3}} for i in (1, 2, 3)]
    return RunRecord(
        strategy, seed, text, "classification", "done", train_examples=EXAMPLES, data_sha256=text, learning_rate=1e-3,
        learning_rate_from="search", budget=text, trainable_parameters=int(1000 * score), total_parameters=1000,
        trains=text, num_layers=2, epochs_planned=3, epochs_run=3, steps=9, train_seconds=10 * score,
        fit_seconds=11 * score, seconds_to_best=5.0, evaluate_seconds=1.0, tokens_per_second=100.0,
        flops=1e9 * score,
        peak_memory_bytes=int(1e9 * score), disk_bytes=1000, best_epoch=3.0, converged=True,
        degenerate=text if strategy.endswith("two") and seed == 2 else None, selection_metric="macro_f1",
        validation=scores, test=scores, tests={text: scores}, breakdown={text: {"f1": score, "support": 12}},
        history=history, precision=text, notes=[text],
    )  # fmt: skip


def _write_run(output: Path, text: str, strategy: str, seed: int, score: float) -> None:
    folder = run_folder(output, text, strategy, strategy, seed)
    draw = random.Random(f"{score} {seed}")
    rows: list[dict[str, Any]] = []
    for split in SPLITS:
        for i in range(EXAMPLES):
            # The first is a label that every strategy contradicts.
            right = i > 0 and draw.random() < score
            gold = _gold(text, i)
            said = gold if right else _gold(text, i + 1)
            rows.append({"split": split, "index": i, "gold": gold, "predicted": said, "scores": [0.9, 0.1]})
    write_lines(folder / PREDICTIONS_FILE, rows)
    record = _record(text, strategy, seed, score)
    write_record(folder, RunRecord(**{**vars(record), "model": str((folder / "model").relative_to(output))}))


def _data(text: str) -> dict[str, Any]:
    read = dict.fromkeys(("examples", "windows", "examples_in_several_windows", "tokens", "truncated_examples"), 24)
    read |= dict.fromkeys(("truncated_tokens", "unknown_words", "lost_words"), 3)
    return {
        "name": text,
        "sha256": text,
        "sizes": {"train": EXAMPLES, "validation": EXAMPLES, "test": EXAMPLES, text: EXAMPLES},
        "labels": [text, "other"],
        "reading": {"train": read, text: read},
        "lengths": {"max_length": 8, "edges": [0, 4, 8], "splits": {text: _lengths(), "train": _lengths()}},
        "label_counts": {"train": {text: 9, "other": 15}, text: {text: 9, "other": 15}},
        "checks": [str(Finding("warning", "label", f"label {text!r}: {text}", text, 3, text))],
        "notes": [text],
    }


def _lengths() -> dict[str, Any]:
    return {"counts": [9, 15], "median": 5.0, "p95": 8.0, "longest": 8}


def _extra(text: str) -> dict[str, Any]:
    trial = {"learning_rate": 1e-3, "share": 0.25, "steps": 4, "score": None, "status": text}
    search = {"model_name": text, "strategy": text, "chosen": 1e-3, "edge": text, "budget": text, "sentence": text}
    planned = {"runs": 2, "seconds": [10.0, 20.0], "train_seconds": [8.0, 12.0], "step_seconds": 0.1, "steps": 9}
    sizes = {"peak_memory_bytes": [1e9, 2e9], "disk_bytes": [900, 1100]}
    layers = [{"depth": i, "score": 0.5 + i / 10} for i in range(3)]
    spans = [{"first": 1, "last": 3, "trained": 5, "rates": [1e-4, 1e-3]}]
    parts = [{"part": part, "parameters": 9, "added": 0, "spans": spans} for part in (text, "head")]
    trained = {"model_name": text, "strategy": text, "learning_rate": 1e-3, "epochs": 3, "parts": parts}
    speed = {"model_name": text, "num_layers": 2, "texts_per_second": 9.0, "low": 8.0, "high": 10.0, "texts": 24}
    return {
        "trained_parts": [trained],
        "speeds": [speed],
        "search": [{**search, "trials": [trial], "train_seconds": 9.0}],
        "plan": [{"model_name": text, "strategy": text, **planned, **sizes}],
        "probe": [{"model_name": text, "metric": "macro_f1", "layers": layers, "what": text, "seconds": 1.0}],
        "until_decided": {"looks": 8, "look": 2, "decided": True, "sentence": text},
    }
