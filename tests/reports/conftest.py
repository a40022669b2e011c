"""A comparison as the program leaves it, with numbers made up by a seed. No training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unfreeze.statistics.candidates import candidates_from_runs
from unfreeze.statistics.pairs import compare_pairs
from unfreeze.statistics.recommend import recommend
from unfreeze.storage.records import RunRecord

VOID = {"meta", "img", "wbr", "br"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.programs: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.programs.append(data)
        else:
            self.text += data


@pytest.fixture(scope="session")
def page_of() -> Callable[[str], Page]:
    """The parts of a page of HTML, which must be well-formed."""
    return Page


# strategy: (final score, trainable parameters, FLOPs as a share of full's, epochs)
STRATEGIES = {
    "full": (0.921, 66_955_010, 1.0, 3),
    "head": (0.842, 592_130, 0.31, 30),
    "freeze:first=3": (0.915, 21_855_746, 0.55, 3),
    "lora:r=8,lora_alpha=16": (0.909, 739_586, 0.82, 5),
    "bitfit": (0.894, 641_282, 0.78, 5),
    "freeze:first=1": (0.920, 36_031_490, 0.78, 3),
    "freeze:first=5": (0.902, 7_680_002, 0.38, 3),
    "freeze:alternating": (0.912, 21_855_746, 0.80, 3),
    "gradual": (0.917, 66_955_010, 0.60, 4),
    "llrd:decay=0.95": (0.922, 66_955_010, 1.0, 3),
    "discriminative:embeddings=1e-5,encoder=2e-5,head=5e-5": (0.920, 66_955_010, 1.0, 3),
    "lora:r=16,target_modules=query+key+value+dense": (0.913, 1_475_000, 0.86, 5),
}
LABELS = ("anger", "fear", "joy", "love", "sadness", "surprise")


def make_records(strategies: int = 12, seeds: int = 3, **changes: Any) -> list[RunRecord]:
    """One record for each strategy and seed; `changes` replace fields of all of them."""
    generator = np.random.default_rng(7)
    records = []
    for strategy, (score, trainable, share, epochs) in list(STRATEGIES.items())[:strategies]:
        for seed in range(seeds):
            final = score + float(generator.normal(0, 0.003))
            curve = [final - 0.35 * score * 0.45 ** (epoch + 0.3) for epoch in range(1, epochs)] + [final]
            history = [
                {"epoch": float(e), "step": 500 * e, "train_loss": 0.75 / e, "seconds": 40.0 * e}
                | {"validation": {"macro_f1": s, "loss": 1 - s}}
                for e, s in enumerate(curve, start=1)
            ]
            values: dict[str, Any] = {
                "strategy": strategy,
                "seed": seed,
                "model_name": "distilbert-base-uncased",
                "task": "classification",
                "status": "done",
                "train_examples": 16000,
                "learning_rate": 5e-5,
                "trainable_parameters": trainable,
                "total_parameters": 66_955_010 + (147_456 if strategy.startswith("lora") else 0),
                "trains": f"{strategy}: {trainable:,} of 66,955,010 parameters",
                "epochs_planned": epochs,
                "epochs_run": epochs,
                "steps": 500 * epochs,
                "train_seconds": (trained := 410 * share * (1 + float(generator.normal(0, 0.02)))),
                "fit_seconds": trained + 21.0 + (12.5 if "freeze" in strategy else 0.0),
                "seconds_to_best": 380 * share,
                "evaluate_seconds": 21.0,
                "cache_seconds": 12.5 if "freeze" in strategy else None,
                "cache_fill_seconds": 12.5 if "freeze" in strategy else None,
                "test_seconds": 8.0,
                "tokens_per_second": 21_000 / share,
                "flops": 9.1e15 * share,
                "peak_memory_bytes": int(2e9 * (0.4 + 0.6 * trainable / 66_955_010)),
                "best_epoch": float(epochs),
                "converged": strategy != "head",
                "selection_metric": "macro_f1",
                "validation": {"macro_f1": final, "accuracy": final + 0.01, "loss": 1 - final},
                "test": {"macro_f1": final - 0.008, "accuracy": final},
                "breakdown": {
                    label: {"precision": final, "recall": final, "f1": final - 0.02 * i, "support": 200 - 30 * i}
                    for i, label in enumerate(LABELS)
                },
                "history": history,
                "precision": "fp32",
            }
            records.append(RunRecord(**(values | changes)))
    return records


def accuracy(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def counts_like(records: Sequence[RunRecord], split: str, examples: int = 400) -> dict[str, np.ndarray]:
    """Counts (seeds, examples, 2) of each strategy, right as often as its scores say."""
    difficulty = np.random.default_rng(1).random(examples)
    counts: dict[str, list[np.ndarray]] = {}
    for record in records:
        score = getattr(record, split).get("macro_f1")
        if record.status == "done" and score is not None:
            right = (difficulty < score).astype(float)
            counts.setdefault(record.strategy, []).append(np.stack([right, np.ones(examples)], axis=1))
    return {strategy: np.stack(rows) for strategy, rows in counts.items()}


def write_comparison(output: Path, records: Sequence[RunRecord], **changes: Any) -> Path:
    """`comparison.json` and `environment.json`; `changes` replace keys of the first."""
    runs = [asdict(record) for record in records]
    comparisons = [
        entry
        for split in ("validation", "test")
        for entry in compare_pairs(
            counts_like(records, split),
            accuracy,
            model_name=records[0].model_name,
            split=split,
            metric="macro_f1",
            repetitions=500,
        )
    ]
    found = recommend(candidates_from_runs(runs, "macro_f1"), comparisons, metric="macro_f1")
    comparison = {
        "schema_version": 1,
        "task": "classification",
        "data": {
            "name": "sample:emotion",
            "sha256": "5d1c" * 16,
            "sizes": {"train": 16000, "validation": 2000, "test": 2000},
            "checks": ["12 texts of test occur in train.", "Label surprise: 3 % of the training examples."],
            "notes": ["validation was split off train with seed 42, stratified."],
        },
        "model": [records[0].model_name],
        "selection_metric": "macro_f1",
        "recommendation": {"strategy": found.strategy, "reasons": found.reasons},
        "comparisons": comparisons,
        "runs": runs,
    }
    environment = {
        "python": "3.11.7",
        "platform": "Linux-6.1-x86_64",
        "processor": "AMD EPYC",
        "cpus": 8,
        "packages": {"unfreeze": "0.1.0", "torch": "2.10.0", "peft": None},
        "command": ["unfreeze", "compare", "--model", "distilbert-base-uncased", "--data", "my data/x.csv"],
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "comparison.json").write_text(json.dumps(comparison | changes), encoding="utf-8")
    (output / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    return output


def made_up_data() -> dict[str, Any]:
    """The key `data`, whole."""
    sizes = {"train": 16000, "validation": 2000, "test": 2000}
    edges = list(range(0, 81, 5))
    counts = [0, 400, 900, 1500, 1800, 1900, 1600, 1300, 1000, 800, 600, 400, 300, 200, 100, 60]
    share = {"anger": 14, "fear": 12, "joy": 33, "love": 8, "sadness": 29, "surprise": 4}
    reading = {"windows": 12, "examples_in_several_windows": 0, "tokens": 900, "unknown_words": 0}
    reading |= {"truncated_examples": 3, "truncated_tokens": 40, "lost_words": 0}
    return {
        "name": "sample:emotion",
        "sha256": "5d1c" * 16,
        "sizes": sizes,
        "labels": list(LABELS),
        "reading": {split: {"examples": size, **reading} for split, size in sizes.items()},
        "lengths": {
            "max_length": 80,
            "in_windows": False,
            "edges": edges,
            "splits": {
                split: {
                    "counts": [count * size // 16000 for count in counts],
                    "median": 25.0,
                    "p95": 58.0,
                    "longest": 80,
                }
                for split, size in sizes.items()
            },
        },
        "label_counts": {
            split: {label: size * share[label] // 100 for label in LABELS} for split, size in sizes.items()
        },
        "checks": ["12 texts of test occur in train.", "Label surprise: 3 % of the training examples."],
        "notes": ["validation was split off train with seed 42, stratified."],
    }


def trained_parts(model: str) -> list[dict[str, Any]]:
    """The key `trained_parts` for four strategies of a network of six layers."""
    names = ["embeddings", *(f"layer {i}" for i in range(1, 7)), "head"]

    def whole(first: int = 1, rates: Sequence[float] = (5e-5, 5e-5)) -> list[dict[str, Any]]:
        return [{"first": first, "last": 3, "trained": 7_000_000, "rates": list(rates)}]

    def part(name: str, spans: list[dict[str, Any]], added: int = 0) -> dict[str, Any]:
        return {"part": name, "parameters": 7_000_000 + added, "added": added, "spans": spans}

    adapters = [{"first": 1, "last": 3, "trained": 24_576, "rates": [1e-3, 1e-3]}]
    strategies = {
        "full": [part(name, whole()) for name in names],
        "head": [part(name, whole() if name == "head" else []) for name in names],
        "freeze:first=3": [part(name, whole() if i > 3 else []) for i, name in enumerate(names)],
        "lora:r=8,lora_alpha=16": [
            part(name, whole() if name == "head" else adapters if "layer" in name else [], 24_576) for name in names
        ],
        "gradual": [part(name, whole(max(1, 4 - i // 2))) if i > 1 else part(name, []) for i, name in enumerate(names)],
        "llrd:decay=0.95": [part(name, whole(1, [5e-5 * 0.95 ** (7 - i)] * 2)) for i, name in enumerate(names)],
    }
    return [
        {"model_name": model, "strategy": strategy, "learning_rate": 5e-5, "epochs": 3, "parts": parts}
        for strategy, parts in strategies.items()
    ]


def every_key(model: str = "distilbert-base-uncased") -> dict[str, Any]:
    """What a comparison may hold beside its runs and pairs, written by hand; of the strategies of four records."""
    on = {"model_name": model, "metric": "macro_f1"}
    seeds = {"seeds": 3, "total_layers": 6}
    return {
        "margin": 0.01,
        "alpha": 0.0226,
        "data": made_up_data(),
        "trained_parts": trained_parts(model),
        "confusion": [
            {
                "model_name": model,
                "strategy": strategy,
                "split": "test",
                "seeds": 3,
                "labels": list(LABELS),
                "labels_in_all": len(LABELS),
                "most": [{"gold": LABELS[0], "answered": LABELS[1], "number": miss, "of": 80}],
                "counts": [[80 - miss if i == j else miss * (i + 2 * j) % 7 for j in range(6)] for i in range(6)],
            }
            for strategy, miss in (("full", 3), ("freeze:first=3", 5), ("head", 9))
        ],
        "mistakes": [
            {
                "model_name": model,
                "strategy": "freeze:first=3",
                "split": "test",
                "index": 3,
                "word": None,
                "text": "i am not sad",
                "gold": "joy",
                "answer": "sadness",
                "confidence": 0.97,
            }
        ],
        "speeds": [
            {"model_name": model, "num_layers": layers, "texts_per_second": 600.0 / layers, "low": 90.0, "high": 400.0}
            | {"texts": 256}
            for layers in (6, 3)
        ],
        "recommendation": {
            "strategy": "freeze:first=3",
            "model_name": model,
            "reasons": ["freeze:first=3 is within 0.01 of full."],
            "what_would_change": [f"With a margin of 0.0{k}, head would be recommended." for k in range(1, 8)],
        },
        "pareto": {"fit_seconds": ["head", "freeze:first=3", "full"], "trainable_parameters": ["head", "full"]},
        "sweep": [
            {
                **on,
                "full": "full",
                "points": [
                    dict(zip(("strategy", "layers_trained", "mean", "low", "high"), one, strict=True)) | seeds
                    for one in (
                        ("head", 0, 0.84, 0.83, 0.85),
                        ("freeze:first=6", 0, 0.85, 0.84, 0.86),
                        ("freeze:first=3", 3, 0.915, 0.91, 0.92),
                        ("freeze:first=1", 5, 0.92, None, None),
                        ("full", 6, 0.921, 0.91, 0.93),
                    )
                ],
                "answer": {
                    "strategy": "freeze:first=3",
                    "layers_trained": 3,
                    "sentence": "3 of 6 layers tie with full.",
                },
            }
        ],
        "probe": [
            {
                **on,
                "split": "validation",
                "layers": [{"depth": depth, "score": 0.5 + 0.04 * depth} for depth in range(7)],
                "train_examples": 2000,
                "positions": 2000,
                "seconds": 12.0,
                "what": "A logistic regression at each depth.",
            }
        ],
        "time_to_quality": {
            "metric": "macro_f1",
            "share": 0.95,
            "target": 0.875,
            "strategies": [
                {"strategy": "head", "model_name": model, "train_seconds": None, "reached": 1, "runs": 3},
                {
                    "strategy": "full",
                    "model_name": model,
                    "train_seconds": 61.0,
                    "seconds": 70.0,
                    "resolution_seconds": 20.0,
                    "reached": 3,
                    "runs": 3,
                },
            ],
        },
        "data_sizes": [
            {
                **on,
                "strategy": "full",
                "points": [
                    {"train_examples": 4000, "mean": 0.88, "low": None, "high": None, "seeds": 1},
                    {"train_examples": 16000, "mean": 0.921, "low": 0.91, "high": 0.93, "seeds": 3},
                ],
                "gain": 0.0205,
                "gain_low": None,
                "gain_high": None,
                "sentence": "full: each doubling changed the score by +0.0205.",
            }
        ],
        "baseline": {"split": "test", "metric": "macro_f1", "label": "joy", "score": 0.0847},
        "disagreements": [
            {
                "split": "test",
                "index": 7,
                "word": None,
                "text": "i feel fine",
                "gold": "joy",
                "answers": {"full": "joy", "head": "anger", "bitfit": "anger"},
                "confidence": 0.61,
            }
        ],
        "label_suspects": [
            {
                "split": "test",
                "index": 9,
                "word": 2,
                "word_text": "Lagos",
                "text": "I dey Lagos",
                "gold": "NOUN",
                "answer": "PROPN",
                "confidence": 0.98,
            }
        ],
        "search": [
            {
                "model_name": model,
                "strategy": "head",
                "chosen": 5e-3,
                "edge": "highest",
                "budget": "3.25 runs' worth of training with one seed",
                "trials": [
                    {"learning_rate": 5e-4, "share": 0.25, "steps": 40, "score": 0.5, "status": "done"},
                    {"learning_rate": 5e-3, "share": 0.25, "steps": 40, "score": 0.7, "status": "done"},
                    {"learning_rate": 5e-3, "share": 1.0, "steps": 160, "score": 0.8, "status": "done"},
                    {"learning_rate": 5e-2, "share": 0.25, "steps": 12, "score": None, "status": "diverged"},
                ],
                "train_seconds": 90.0,
                "sentence": "head: 0.005 was best, the highest rate tried.",
            }
        ],
        "plan": [
            {
                "model_name": model,
                "strategy": "full",
                "runs": 3,
                "seconds": [1000.0, 2000.0],
                "train_seconds": [300.0, 500.0],
                "peak_memory_bytes": [1.0e9, 1.6e9],
                "disk_bytes": [2.6e8, 2.8e8],
                "step_seconds": 0.3,
                "steps": 2000,
            }
        ],
        "until_decided": {"looks": 8, "look": 2, "decided": True, "sentence": "Look 2 of at most 8: decided."},
    }


@pytest.fixture(scope="session", name="make_records")
def make_records_fixture() -> Callable[..., list[RunRecord]]:
    return make_records


@pytest.fixture(scope="session", name="write_comparison")
def write_comparison_fixture() -> Callable[..., Path]:
    return write_comparison


@pytest.fixture(scope="session", name="every_key")
def every_key_fixture() -> Callable[..., dict[str, Any]]:
    return every_key


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """`open_page(address, width, scheme)`; whatever went wrong on a page (`.faults`) fails the test at its end."""
    faults: list[str] = []
    contexts = []

    def opened(address: str, width: int, scheme: str, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda one: one.url.startswith(("file:", "data:")) or faults.append(f"asked {one.url}"))
        page.goto(address)
        return page

    opened.faults = faults  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    assert faults == []
