"""What a strategy trains, part by part and epoch by epoch: for the drawing of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unfreeze.training.parameters import Trainables

if TYPE_CHECKING:
    from torch import nn

MOST_EPOCHS = 1000


def trained_parts(network: nn.Module, trainables: Trainables, learning_rate: float) -> list[dict[str, Any]]:
    """The parts of a network from the input upwards, each with what of it trains when and how fast.

    Each has `part` (in words), `parameters`, `added` (of them adapters) and `spans`: `first` and `last` epoch (counted
    from 1), numbers `trained` in them, and the lowest and highest peak learning `rates`. Epochs in which nothing of a
    part trains have no span. Of a very long run the first epochs are looked at; what trains then trains to the end.
    """
    parts: dict[str, dict[str, Any]] = {}
    epochs = min(trainables.epochs, MOST_EPOCHS)
    named = [(trainables.anatomy.locate(name), name, one.numel()) for name, one in network.named_parameters()]
    by_epoch: dict[str, list[tuple[int, list[float]]]] = {}
    for place, name, size in sorted(named, key=lambda one: one[0].depth):
        title = _title(place.part, place.depth, trainables)
        part = parts.setdefault(title, {"part": title, "parameters": 0, "added": 0, "spans": []})
        part["parameters"] += size
        part["added"] += size if place.part == "adapter" else 0
        when = by_epoch.setdefault(title, [(0, []) for _ in range(epochs)])
        for epoch in range(epochs):
            if trainables.trains(name, epoch):
                rate = learning_rate * trainables.strategy.lr_scale(place, epoch)
                when[epoch] = (when[epoch][0] + size, [min([rate, *when[epoch][1]]), max([rate, *when[epoch][1]])])
    for title, when in by_epoch.items():
        parts[title]["spans"] = spans = _spans(when)
        if spans and spans[-1]["last"] == epochs:
            spans[-1]["last"] = trainables.epochs
    return list(parts.values())


def _title(part: str, depth: int, trainables: Trainables) -> str:
    anatomy = trainables.anatomy
    if part == "head":
        return "head"
    if part == "top" or depth > anatomy.num_layers:
        return "pooler or norm"
    if depth == 0:
        return "embeddings"
    return f"layers 1-{anatomy.layers_applied}, shared" if anatomy.shared else f"layer {depth}"


def _spans(when: list[tuple[int, list[float]]]) -> list[dict[str, Any]]:
    """Neighbouring epochs in which the same trains as fast are one span."""
    spans: list[dict[str, Any]] = []
    for epoch, (trained, rates) in enumerate(when, start=1):
        if not trained:
            continue
        last = spans[-1] if spans else None
        if last and last["last"] == epoch - 1 and (last["trained"], last["rates"]) == (trained, rates):
            last["last"] = epoch
        else:
            spans.append({"first": epoch, "last": epoch, "trained": trained, "rates": rates})
    return spans
