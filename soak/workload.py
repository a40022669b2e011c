"""A small comparison: a random encoder of two layers with its tokenizer, and made-up data for three tasks."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from soak.in_process import call

WORDS = [
    "the",
    "a",
    "old",
    "new",
    "cat",
    "dog",
    "ship",
    "king",
    "queen",
    "bread",
    "river",
    "stone",
    "walks",
    "sleeps",
    "breaks",
    "sings",
    "eats",
    "finds",
    "quickly",
    "slowly",
    "never",
    "often",
    "green",
    "heavy",
    "small",
    "loud",
    "bright",
    "here",
    "there",
    "home",
    "city",
    "and",
    "but",
    "with",
    "without",
]
NAMES = ("anna", "bruno", "carla", "paris", "oslo", "lima")
# Six, as different as they are to a state: what trains, in which epochs, with which optimizer groups and parts.
STRATEGIES = ("full", "head", "freeze:last=1", "lora:r=2", "gradual", "llrd")
TASKS = ("classification", "ner", "question-answering")
FLAGS = [
    "--per-device-train-batch-size",
    "8",
    "--learning-rate",
    "1e-3",
    "--max-length",
    "32",
    "--no-plan",
    "--speedups",
    "unpad+compact+cache",
    "--early-stopping-patience",
    "none",
    "--warmup-steps",
    "0",
]
# What says how long something took, or where; everything else must be the same.
MEASURED = ("seconds", "bytes", "tokens_per_second", "command", "runs_at_once", "time", "speed", "cost", "cache")


def make_model(folder: Path) -> Path:
    """An encoder as a hub would deliver it."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, BertTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *NAMES, "?", "."]
    known = {piece: i for i, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    frame = [("[CLS]", known["[CLS]"]), ("[SEP]", known["[SEP]"])]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=frame
    )
    BertTokenizerFast(tokenizer_object=backend).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def make_data(folder: Path, task: str, examples: int = 120) -> Path:
    """Train, validation and test."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (split, share) in enumerate((("train", 1.0), ("validation", 0.25), ("test", 0.25))):
        draw = random.Random(f"{task} {number}")
        made = [_EXAMPLES[task](draw, i) for i in range(int(share * examples))]
        if task == "question-answering":
            text = json.dumps({"version": "1.1", "data": [{"title": split, "paragraphs": made}]})
            (folder / f"{split}.json").write_text(text)
        elif task == "ner":
            (folder / f"{split}.conll").write_text("\n".join(made))
        else:
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in made))
    return folder


def _text(draw: random.Random, i: int) -> dict[str, Any]:
    label = draw.choice(("calm", "loud", "odd"))
    told = {"calm": "slowly", "loud": "quickly", "odd": "never"}[label]
    words = [*draw.choices(WORDS, k=draw.randint(3, 9)), told]
    draw.shuffle(words)
    return {"text": " ".join(words), "label": label}


def _sentence(draw: random.Random, i: int) -> str:
    rows = []
    for _ in range(draw.randint(3, 8)):
        name = draw.random() < 0.3
        word = draw.choice(NAMES if name else WORDS)
        tag = ("B-PER" if NAMES.index(word) < 3 else "B-LOC") if name else "O"
        rows.append(f"{word} {tag}")
    return "\n".join(rows) + "\n"


def _question(draw: random.Random, i: int) -> dict[str, Any]:
    words = draw.choices(WORDS, k=draw.randint(6, 14))
    place = draw.randrange(len(words))
    name = draw.choice(NAMES)
    words[place] = name
    start = len(" ".join(words[:place])) + (place > 0)
    answer = {"text": name, "answer_start": start}
    return {"context": " ".join(words), "qas": [{"id": f"{i}", "question": f"the {name} ?", "answers": [answer]}]}


_EXAMPLES = {"classification": _text, "ner": _sentence, "question-answering": _question}


@dataclass(frozen=True)
class Workload:
    """A comparison that can be started, killed, gone on with, and looked at."""

    model: Path
    data: Path
    flags: tuple[str, ...]

    @classmethod
    def of(
        cls, folder: Path, task: str, strategies: tuple[str, ...], *more: str, seeds: int = 1, epochs: int = 3
    ) -> Workload:
        """Make what it needs in a folder, unless it is there."""
        model, data = folder / "model", folder / f"data-{task}"
        if not model.exists():
            make_model(model)
        if not data.exists():
            make_data(data, task)
        named = [word for one in strategies for word in ("--strategy", one)]
        sized = ["--seeds", str(seeds), "--epochs", str(epochs)]
        return cls(model, data, (*named, *sized, *FLAGS, *more))

    def command(self, output: Path, *more: str) -> list[str]:
        """What a user types."""
        start = [sys.executable, "-m", "unfreeze", "compare", "--quiet", "--model", str(self.model)]
        return [*start, "--data", str(self.data), *self.flags, "--output", str(output), *more]

    def start(self, output: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
        """The program, as the leader of a group of its own."""
        return subprocess.Popen(
            self.command(output, *more),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            preexec_fn=_heed_interrupts,
            env={**os.environ, "UNFREEZE_CACHE": str(output.parent / "cache"), "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip

    def run_here(self, output: Path) -> tuple[float, int, str]:
        """The same in this process, which has imported everything already."""
        begin = time.monotonic()
        with patch.dict(os.environ, {"UNFREEZE_CACHE": str(output.parent / "cache")}):
            called = call(*self.command(output)[3:])
        return time.monotonic() - begin, called.code, called.said

    def run(self, output: Path, *more: str, **environment: str) -> tuple[float, int, str]:
        """To its end: seconds, exit code, what it said."""
        begin = time.monotonic()
        process = self.start(output, *more, **environment)
        said, _ = process.communicate(timeout=300)
        return time.monotonic() - begin, process.returncode, said


def _heed_interrupts() -> None:
    """Who was started in the background ignores SIGINT, and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def fingerprint(output: Path) -> dict[str, str]:
    """What a finished comparison holds, by file: all of it but for what was measured."""
    found = {}
    for file in sorted(path for path in output.rglob("*") if path.is_file()):
        name = str(file.relative_to(output))
        if file.name in ("record.json", "comparison.json", "metrics.jsonl", "identity.json"):
            values = [json.loads(line) for line in _documents(file)]
            found[name] = _hash(json.dumps([_without_measures(one) for one in values], sort_keys=True).encode())
        elif file.suffix == ".safetensors" or file.name in ("predictions.jsonl", "config.json", "best"):
            found[name] = _hash(file.read_bytes())
        elif file.name == "leaderboard.csv":
            found[name] = _hash(_scores_of(file).encode())
    return found


def _documents(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    return text.splitlines() if file.suffix == ".jsonl" else [text]


def _scores_of(file: Path) -> str:
    """The columns that were not measured with a clock."""
    import csv

    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    kept = [i for i, name in enumerate(rows[0]) if not any(word in name.lower() for word in MEASURED)]
    return "\n".join(",".join(row[i] for i in kept) for row in rows)


def _without_measures(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_measures(one)
            for key, one in value.items()
            if not any(word in key for word in MEASURED) and key not in ("notes", "pareto", "recommendation", "plan")
        }
    return [_without_measures(one) for one in value] if isinstance(value, list) else value


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
