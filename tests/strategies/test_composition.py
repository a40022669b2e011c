"""What trains when strategies add up: the union of the openers minus what the closers freeze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from unfreeze.models.anatomy import Place
from unfreeze.strategies import STRATEGIES, Freeze, Full, Head, LoRA, Strategy
from unfreeze.strategies.parse import parse_strategies
from unfreeze.strategies.strategy import Kind

LAYERS = 4
PLACES = {
    "embeddings": Place("e", "embeddings", 0, LAYERS),
    **{f"layer {i}": Place(f"l{i}", "layer", i, LAYERS) for i in range(1, LAYERS + 1)},
    **{f"adapter {i}": Place(f"a{i}", "adapter", i, LAYERS) for i in range(1, LAYERS + 1)},
    "top": Place("t", "top", LAYERS + 1, LAYERS),
    "head": Place("h", "head", LAYERS + 1, LAYERS),
}


@dataclass(frozen=True)
class Rates(Strategy):
    """Halves the rate of every layer below the head, once more in each epoch."""

    name: ClassVar[str] = "rates"
    kind: ClassVar[Kind] = "rates"
    learning_rate: float = 9.0

    def trains(self, place: Place, epoch: int) -> bool:
        raise AssertionError("a strategy of rates is never asked what trains")

    def lr_scale(self, place: Place, epoch: int) -> float:
        return 0.5 ** (place.from_top + epoch)


def trains(strategy: Strategy) -> set[str]:
    return {name for name, place in PLACES.items() if strategy.trains(place, 0)}


def layers(*depths: int, of: str = "layer") -> set[str]:
    return {f"{of} {depth}" for depth in depths}


ALL_LAYERS, ALL_ADAPTERS = layers(1, 2, 3, 4), layers(1, 2, 3, 4, of="adapter")


@pytest.mark.parametrize(
    ("text", "frozen"),
    [
        ("full", set()),
        ("freeze:first=0", set()),
        ("freeze:first=2", {"embeddings"} | layers(1, 2)),
        ("freeze:first=half", {"embeddings"} | layers(1, 2)),
        ("freeze:first=2,embeddings=train", layers(1, 2)),
        ("freeze:first=4", {"embeddings"} | ALL_LAYERS),
        ("freeze:last=1", layers(4)),
        ("freeze:last=3,embeddings=freeze", {"embeddings"} | layers(2, 3, 4)),
        ("freeze:alternating", {"embeddings"} | layers(1, 3)),
        ("freeze:alternating,embeddings=train", layers(1, 3)),
        ("freeze:layers", ALL_LAYERS),
        ("freeze:layers,embeddings=freeze", {"embeddings"} | ALL_LAYERS),
        ("freeze:embeddings", {"embeddings"}),
        ("head", {"embeddings", "top"} | ALL_LAYERS),
        ("head:pooler=train", {"embeddings"} | ALL_LAYERS),
        ("lora", {"embeddings", "top"} | ALL_LAYERS),
        ("freeze:first=1+freeze:last=1", {"embeddings"} | layers(1, 4)),
        ("full+freeze:first=1", {"embeddings"} | layers(1)),
        ("head+lora", {"embeddings", "top"} | ALL_LAYERS),
        ("head:pooler=train+lora", {"embeddings"} | ALL_LAYERS),
    ],
)
def test_what_is_frozen_of_a_stock_network(text: str, frozen: set[str]) -> None:
    [strategy] = parse_strategies(text, STRATEGIES)
    assert trains(strategy) - ALL_ADAPTERS == PLACES.keys() - ALL_ADAPTERS - frozen


def test_an_adapter_on_a_frozen_layer_is_frozen() -> None:
    assert trains(LoRA() + Freeze(first=2)) == {"head"} | layers(3, 4, of="adapter")
    assert trains(LoRA() + Freeze(embeddings="freeze")) == {"head"} | ALL_ADAPTERS


def test_the_order_does_not_change_what_trains() -> None:
    assert trains(Freeze(first=2) + LoRA()) == trains(LoRA() + Freeze(first=2))


def test_rates_and_epochs_are_the_first_openers() -> None:
    combined = Freeze(learning_rate=1.0, first=1) + Rates() + LoRA(learning_rate=2.0) + Head(learning_rate=3.0)
    assert combined.learning_rate == 2.0
    assert combined.epochs == LoRA.epochs
    assert (Freeze(learning_rate=1.0, first=1) + Rates()).learning_rate == 1.0


def test_rate_multipliers_multiply() -> None:
    combined = Full() + Rates() + Rates()
    assert combined.lr_scale(PLACES["layer 4"], 0) == 0.25
    assert combined.lr_scale(PLACES["layer 3"], 1) == 0.5**6
    assert combined.lr_scale(PLACES["head"], 0) == 1.0


def test_rates_alone_train_everything() -> None:
    assert trains(Rates() + Rates()) == set(PLACES)


def test_sums_are_flat() -> None:
    assert ((Full() + Rates()) + Head()) == (Full() + (Rates() + Head()))
