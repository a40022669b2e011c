"""The ways to answer with one model that are timed against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unfreeze.data.examples import Example
from unfreeze.inference.export import Format, export
from unfreeze.inference.onnx_network import OnnxNetwork
from unfreeze.inference.predictor import Predictor, load_predictor, model_source
from unfreeze.models.explained import ModelError
from unfreeze.models.load import checked_folder
from unfreeze.models.safe_files import known_files
from unfreeze.tasks import Classification, Prediction

STOCK = "stock pipeline"
STOCK_BATCH = 32
PIPELINES = ("text-classification", "token-classification")  # that there are, of those for which models are trained
ONNX: dict[Format, str] = {"onnx": "ONNX fp32", "onnx-int8": "ONNX int8"}
Answer = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Engine:
    """One way to answer, from texts to answers."""

    name: str
    answer: Answer
    parameters: int | None  # None: the file does not tell
    disk_bytes: int
    score: Callable[[Sequence[Example]], float] | None  # of labelled examples; None: its answers are of another kind
    one_by_one: bool = True  # is it also timed on single texts?


@contextmanager
def engines_of(model: str, told: Callable[[str], object]) -> Iterator[list[Engine]]:
    """Every way in which this machine answers with the model on its CPU; those that it lacks are told.

    Args:
        model: as `load_predictor` takes it.

    Raises:
        ModelError: there is no such model.
    """
    original = load_predictor(model, device="cpu")
    size = _disk_bytes(model, original)
    if isinstance(original.network, OnnxNetwork):
        yield [_ours("ONNX, as it is", original, None, size)]
        return
    parameters = sum(one.numel() for one in original.network.parameters())
    found = _stock(original, parameters, size)
    if not found:
        told(f"{model}: no row for the stock pipeline: transformers has none for {original.task.pipeline}")
    found.append(_ours("unfreeze fp32", original, parameters, size))
    try:
        found.append(_ours("unfreeze bf16", original.in_precision("bf16"), parameters, size))
    except ModelError as error:
        told(f"{model}: no row for bf16: {error}")
    with TemporaryDirectory(prefix="unfreeze-speed-") as folder:
        try:
            for format, name in ONNX.items():
                found.append(_exported(original, model, Path(folder) / format, format, name, parameters, told))
        except ModelError as error:
            told(f"{model}: no rows for ONNX: {error}")
        yield found


def _ours(name: str, predictor: Predictor, parameters: int | None, size: int) -> Engine:
    def score(examples: Sequence[Example]) -> float:
        return predictor.evaluate(examples).metrics[predictor.task.selection_metric]

    return Engine(name, predictor.predict, parameters, size, score)


def _exported(
    original: Predictor,
    model: str,
    folder: Path,
    format: Format,
    name: str,
    parameters: int,
    told: Callable[[str], object],
) -> Engine:
    told(f"{model}: is written as {name}")
    export(original, model, folder, format, None)
    exported = load_predictor(folder, task=original.task, device="cpu")
    return _ours(name, exported, parameters, _disk_bytes(str(folder), exported))


def _stock(original: Predictor, parameters: int, size: int) -> list[Engine]:
    """The pipeline of transformers as it is by default, and in batches; none for tasks that have none."""
    from transformers import pipeline

    if original.task.pipeline not in PIPELINES:
        return []
    tokenizer = deepcopy(original.tokenizer)  # it keeps how it was last told to cut texts
    tokenizer.model_max_length = original.max_length
    pipe = pipeline(original.task.pipeline, model=original.network, tokenizer=tokenizer, device="cpu")
    options = {"truncation": True} if original.task.pipeline == "text-classification" else {}
    score = partial(_stock_score, pipe, options, original) if isinstance(original.task, Classification) else None
    batched = partial(pipe, batch_size=STOCK_BATCH, **options)
    return [
        Engine(f"{STOCK}, batch_size=1", partial(pipe, **options), parameters, size, score),
        Engine(f"{STOCK}, batch_size={STOCK_BATCH}", batched, parameters, size, score, one_by_one=False),
    ]


def _stock_score(pipe: Any, options: dict[str, Any], original: Predictor, examples: Sequence[Example]) -> float:
    from unfreeze.inference.requests import requests_of

    said = pipe(requests_of(examples, original.task), batch_size=STOCK_BATCH, **options)
    predictions = [Prediction(i, one["label"], (one["score"],)) for i, one in enumerate(said)]
    return original.task.score(examples, predictions)[original.task.selection_metric]


def _disk_bytes(model: str, loaded: Predictor) -> int:
    """Of all files that were read: of an adapter those of its base too."""
    source = model_source(model)
    folders = {Path(source) if Path(source).is_dir() else checked_folder(source)}
    base = Path(str(loaded.network.config.name_or_path))
    folders |= {base} if base.is_dir() else set()
    return sum(file.stat().st_size for folder in folders for file in known_files(folder))
