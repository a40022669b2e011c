"""The Python interface: the same words as the command line, as functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unfreeze.acceleration.joining import follows
from unfreeze.experiments.compare import compare as run_comparison
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.trackers.reporting import reporting
from unfreeze.inference.predictor import AnswerPrecision, Predictor, load_predictor
from unfreeze.reports.document import write_report
from unfreeze.settings import read_settings
from unfreeze.strategies import Strategy


def compare(*, listener: Listener | None = None, task: Any = None, **settings: Any) -> Comparison:
    """Train several strategies and seeds, compare them, write the folder with report and models.

    Takes the flags of `unfreeze compare` as keywords: `model="minilm"`, `data="sample:emotion"`, `strategy=["head",
    unfreeze.strategies.LoRA(r=4)]`, `seeds=3`. `data` may also be in memory, and `strategy` and `task` objects of your
    own.

    Raises:
        SettingsError, DataError, ModelError, StrategyError: bad input, before anything is trained.
    """
    own_task, task_name = (None, task) if task is None or isinstance(task, str) else (task, None)
    if task_name is not None:
        settings["task"] = task_name
    checked, notes = read_settings(settings)
    listener = listener or Listener()
    for note in notes:
        listener.said(note)
    with reporting(checked, listener) as told:
        comparison = run_comparison(checked, told, task=own_task)
        if not follows():
            write_report(comparison.output)
    return comparison


def train(*, strategy: str | Strategy = "full", listener: Listener | None = None, **settings: Any) -> Comparison:
    """Train one strategy with one seed: a comparison with a single run."""
    settings.setdefault("seeds", 1)
    return compare(strategy=[strategy], listener=listener, **settings)


def load(
    path: str | Path,
    *,
    max_length: int | None = None,
    task: Any = None,
    device: str | None = None,
    precision: AnswerPrecision = "fp32",
) -> Predictor:
    """Load a trained model from a comparison folder (its best run), a run folder, a model folder or an exported one.

    `task` is needed where the model does not tell, as one of the hub that is to say whether a sentence follows another
    (`task="nsp"`; names are those of `unfreeze predict --task`), and for one trained with a task of your own (its
    object). `device` is the GPU where there is one; `precision="bf16"` is faster where the hardware has it, and rounds
    to three digits.
    """
    return load_predictor(path, max_length=max_length, task=task, device=device, precision=precision)


def predict(
    path: str | Path,
    inputs: Any,
    *,
    task: Any = None,
    **options: Any,
) -> list[Any]:
    """Load a trained model, for `task` as `load` does, and predict; see `Predictor.predict` for what comes back, and
    which options there are."""
    return load(path, task=task).predict(inputs, **options)
