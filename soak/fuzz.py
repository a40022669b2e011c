"""What every reader makes of files that are nearly valid: an answer, or the error that it promises: trial 29."""

from __future__ import annotations

import gzip
import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from soak import planted, planted_files, planted_questions, planted_words
from soak.mutations import mutated
from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import make_model
from unfreeze.data.findings import DataError
from unfreeze.data.sources import DataRequest, load_corpus
from unfreeze.models.explained import ModelError
from unfreeze.models.load import load_network
from unfreeze.settings import SettingsError
from unfreeze.settings.read import read_config_file, read_settings
from unfreeze.storage.committed import MANIFEST_FILE, committed_folder, damage
from unfreeze.storage.journal import JOURNAL_FILE, entries, log_event
from unfreeze.storage.lines import parse_object, read_lines, write_lines
from unfreeze.storage.records import RECORD_FILE, RunRecord, read_record, write_record
from unfreeze.training.run_state import RunState

LONGEST = 1.0  # seconds for one file
MOST_MEMORY = 200 * 2**20


@dataclass(frozen=True)
class Target:
    """A reader, a valid file of its kind, and the errors that it says it raises."""

    name: str
    file: Path
    read: Callable[[Path], object]
    allowed: type[Exception] | tuple[type[Exception], ...]
    share: int = 10  # of all mutations, against those of the others


def fuzzed(ground: Ground) -> Figure:
    """No exception but those that are documented, no hang, no memory that grows."""
    tally, draw = Tally(), ground.random("mutations")
    targets = list(_targets(ground.folder))
    whole = {target.name: target.file.read_bytes() for target in targets}
    refused: Counter[str] = Counter()
    slowest, before = 0.0, 0
    number = ground.times(2_000, 100_000)
    for attempt, target in enumerate(draw.choices(targets, [one.share for one in targets], k=number)):
        content = mutated(whole[target.name], draw)
        target.file.write_bytes(content)
        begin = time.monotonic()
        fault = _fault(target, refused)
        seconds = time.monotonic() - begin
        slowest = max(slowest, seconds)
        if seconds > LONGEST:
            fault = f"{seconds:.1f} s"
        tally.add(fault is None, f"{target.name}, mutation {attempt}: {fault}: {content[:200]!r}")
        if attempt == number // 10:  # all is imported, and all caches are filled
            before = _peak()
    grown = _peak() - before
    tally.add(grown < MOST_MEMORY, f"memory has grown by {grown / 2**20:.0f} MiB")
    detail = f"{sum(refused.values()):,} refused, slowest {slowest:.2f} s, memory grown by {grown / 2**20:.0f} MiB"
    return tally.figure(detail)


def _fault(target: Target, refused: Counter[str]) -> str | None:
    """What is wrong with how a file was read; None: nothing."""
    try:
        with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            target.read(target.file)
    except target.allowed as error:
        refused[target.name] += 1
        if not str(error):
            return f"{type(error).__name__} without a message"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return None


def _peak() -> int:
    """Bytes that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _targets(folder: Path) -> Iterator[Target]:
    yield from _data(folder / "data")
    yield from _own_files(folder / "own")
    model = make_model(folder / "model")
    # Each loads a whole network, so there are fewer.
    yield Target("model.safetensors", model / "model.safetensors", _load_network, ModelError, 1)


def _load_network(file: Path) -> object:
    return load_network(str(file.parent), "AutoModelForSequenceClassification", 0)


def _data(folder: Path) -> Iterator[Target]:
    conllu = ("\n".join(planted_words.conllu(6)) + "\n").encode()
    tables = planted.table(planted.TRAIN)
    tokens = planted.lines(
        [{"tokens": ["Ada", "saw"], "ner_tags": ["B-PER", "O"]}, {"tokens": ["x"], "ner_tags": ["O"]}]
    )
    contents = {
        "table.csv": tables,
        "table.tsv": planted.table(planted.TRAIN, delimiter="\t"),
        "texts.jsonl": planted.lines([{"text": text, "label": label} for text, label in planted.TRAIN]),
        "texts.json": json.dumps([{"text": text, "label": label} for text, label in planted.TRAIN]).encode(),
        "words.jsonl": tokens,
        "words.conll": planted_words.columns(planted_words.TRAIN),
        "words.conllu": conllu,
        "squad.json": planted_questions.squad(planted_questions.TRAIN),
        "questions.jsonl": planted_questions.rows(planted_questions.TRAIN),
        "unnamed.txt": "".join(f"{text};{label}\n" for text, label in planted.TRAIN).encode(),
        "packed.csv.gz": gzip.compress(tables, mtime=0),
        "texts.parquet": planted_files.parquet([label for _, label in planted.TRAIN]),
    }
    for name, content in contents.items():
        planted.write({f"{name}/{name}": content}, folder)
        yield Target(name, folder / name / name, _load_data, DataError)


def _load_data(file: Path) -> object:
    return load_corpus(DataRequest(train_file=str(file)))


SETTINGS = b"""# A comparison
model: minilm
data: sample:emotion
strategy: [full, "freeze:first=2", "lora:r=8,lora_alpha=32"]
seeds: 3
epochs: 2.5
learning-rate: 2e-5
warmup_steps: 0.1
max_length: 128
early_stopping_patience: null
label_names: {0: NEG, 1: POS}
test_file: [a.csv, "other=b.csv"]
"""


def _own_files(folder: Path) -> Iterator[Target]:
    """What a comparison leaves, and what it is told by."""
    folder.mkdir()
    settings = folder / "settings.yaml"
    settings.write_bytes(SETTINGS)
    yield Target("settings.yaml", settings, lambda file: read_settings(read_config_file(file)), SettingsError)
    (run := folder / "run").mkdir()
    write_record(run, RunRecord("full", 1, "m", "classification", "done", validation={"accuracy": 0.5}))
    yield Target(RECORD_FILE, run / RECORD_FILE, lambda file: read_record(file.parent), ValueError)
    metrics = folder / "metrics.jsonl"
    write_lines(metrics, [{"step": step, "loss": 1.5 / (1 + step), "epoch": step / 6} for step in range(6)])
    yield Target("metrics.jsonl", metrics, lambda file: list(read_lines(file)), ValueError)
    for name in ("begun", "run finished", "ended"):
        log_event(folder, name, run="a/b", cells=3)
    yield Target(JOURNAL_FILE, folder / JOURNAL_FILE, lambda file: entries(file.parent), ())
    with committed_folder(folder / "state") as state:
        (state / "state.json").write_text("{}")
        (state / "model.safetensors").write_bytes(bytes(100))
    yield Target(MANIFEST_FILE, folder / "state" / MANIFEST_FILE, lambda file: damage(file.parent), ())
    (state_file := folder / "state.json").write_text(json.dumps(RunState(step=7, scores=[0.5]).as_json()))
    yield Target("state.json", state_file, _load_state, ValueError)


def _load_state(file: Path) -> object:
    return RunState.from_json(parse_object(file.read_bytes(), str(file)))


TRIALS = (Trial(29, "P8 P9", "readers of files that are nearly valid", fuzzed),)
