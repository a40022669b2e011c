"""Weights of the labels in the training loss, for classes of unequal size."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

from unfreeze.data.labels import LabelSet
from unfreeze.data.sources import Corpus
from unfreeze.settings import SettingsError
from unfreeze.tasks import Task

if TYPE_CHECKING:
    import torch


def label_weights(
    wanted: str | Mapping[str, float], task: Task, labels: LabelSet, corpus: Corpus, device: str
) -> torch.Tensor | None:
    """`none`, `balanced` (scikit-learn's n / (labels x count)), or weights by label; others weigh 1. Shape (labels,).

    Raises:
        SettingsError: a label that does not occur, or a weight that is not 0 or more.
    """
    import torch

    if wanted == "none":
        return None
    if not task.has_labels:
        raise SettingsError([f"--class-weights {wanted}: {task.name} has no labels to weigh. Leave it out."])
    if wanted == "balanced":
        return torch.tensor(_balanced(labels, corpus), device=device)
    given = _typed(wanted) if isinstance(wanted, str) else dict(wanted)
    for name, weight in given.items():
        if name not in labels or weight is None or not (isfinite(weight) and weight >= 0):
            typed = name if weight is None else f"{name}={weight:g}"
            raise SettingsError(
                [
                    f"--class-weights {wanted}: {typed!r} is not LABEL=WEIGHT with a weight of 0 or more. "
                    f"Labels: {', '.join(labels.names)}; or `balanced`, or `none`."
                ]
            )
    return torch.tensor(
        [float(given.get(name) or 0.0) if name in given else 1.0 for name in labels.names], device=device
    )


def _typed(wanted: str) -> dict[str, float | None]:
    given: dict[str, float | None] = {}
    for pair in wanted.split(","):
        name, equals, value = pair.rpartition("=")
        try:
            given[name if equals else pair] = float(value) if equals else None
        except ValueError:
            given[pair] = None
    return given


def _balanced(labels: LabelSet, corpus: Corpus) -> list[float]:
    counts = dict.fromkeys(labels.names, 0)
    for example in corpus.train:
        for name in example.labels:
            counts[name] += 1
    seen = [count for count in counts.values() if count]
    return [sum(seen) / (len(seen) * count) if count else 1.0 for count in counts.values()]
