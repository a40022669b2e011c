"""What is known of a loaded model before it is asked anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unfreeze.inference.predictor import Predictor
from unfreeze.models.load import model_folder
from unfreeze.storage.folders import OutputError
from unfreeze.storage.records import RECORD_FILE, read_record


@dataclass(frozen=True)
class Score:
    """What the run that trained a model measured: the score that selected it, on test data where there were some."""

    metric: str
    split: str
    value: float


@dataclass(frozen=True)
class ModelFacts:
    """What people choose a model by, and what they have to know to ask it."""

    task: str
    pipeline: str  # the Hugging Face pipeline whose inputs and outputs are the model's
    family: str  # of the encoder, such as bert
    labels: tuple[str, ...]
    max_length: int  # tokens that are read at once
    mask_token: str | None
    score: Score | None


def facts_of(model: Predictor, path: str | Path) -> ModelFacts:
    """The facts of a model that was loaded from this path."""
    return ModelFacts(
        task=model.task.name,
        pipeline=model.task.pipeline,
        family=str(model.network.config.model_type),
        labels=model.labels.names if model.task.has_labels else (),
        max_length=model.max_length,
        mask_token=model.tokenizer.mask_token,
        score=_score(Path(path)),
    )


def _score(path: Path) -> Score | None:
    """The score in the record beside the model; None where no readable record lies there."""
    try:
        folder = model_folder(path)
        places = [one for one in (folder, folder.parent) if (one / RECORD_FILE).is_file()]
        record = read_record(places[0]) if places else None
    except (OSError, OutputError, RuntimeError):
        return None  # a model answers without it
    if record is None or record.selection_metric is None:
        return None
    for split, scores in (("test", record.test), ("validation", record.validation)):
        if record.selection_metric in scores:
            return Score(record.selection_metric, split, scores[record.selection_metric])
    return None
