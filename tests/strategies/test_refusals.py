"""A strategy that a network cannot follow is refused, with the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unfreeze.models.anatomy import Anatomy, take_anatomy
from unfreeze.models.load import load_network
from unfreeze.strategies import STRATEGIES, StrategyError
from unfreeze.strategies.parse import parse_strategies


@pytest.fixture
def anatomy_of(family_folder: Callable[..., str]) -> Callable[[str], Anatomy]:
    return lambda family: take_anatomy(
        load_network(family_folder(family), "AutoModelForSequenceClassification", 0).network
    )


@pytest.mark.parametrize(
    ("family_name", "text", "message"),
    [
        ("bert", "freeze:first=3", r"first=3: this encoder has 2 layers\. Use first=0 to first=2, or head"),
        ("bert", "freeze:last=9", r"last=9: this encoder has 2 layers\. Use last=0 to last=2"),
        ("bert", "lora+freeze:first=3", r"first=3: this encoder has 2 layers"),
        (
            "albert",
            "freeze:first=1",
            r"the 2 layers of albert share one set of weights.*Use freeze:layers, .*head or full",
        ),
        ("albert", "freeze:first=half", "share one set of weights"),
        ("albert", "freeze:last=1", "share one set of weights"),
        ("albert", "freeze:alternating", "share one set of weights"),
        ("bert", "lora:target_modules=query+q_lin", r"q_lin not in the layers of bert\. Modules there: .*dense.*query"),
        ("bert", "lora:top=3", r"top=3: this encoder has 2 layers\. Use top=1 to top=2"),
        ("albert", "lora:top=1", r"the 2 layers of albert share one set of weights.*Leave top out"),
        ("modernbert", "lora:target_modules=query", r"query not in the layers of modernbert\. Modules there: .*Wqkv"),
    ],
)
def test_refused(family_name: str, text: str, message: str, anatomy_of: Callable[[str], Anatomy]) -> None:
    [strategy] = parse_strategies(text, STRATEGIES)
    with pytest.raises(StrategyError, match=message):
        strategy.refuse(anatomy_of(family_name))


EVERYWHERE = [
    *("full", "head", "head:pooling=mean", "lora", "freeze:layers", "freeze:embeddings"),
    *("adapter", "adapter:placement=houlsby", "peft:IA3", "peft:LOHA"),
    *("layernorm", "discriminative", "two_stage", "adapter:placement=houlsby+layernorm", "two_stage+discriminative"),
]


@pytest.mark.parametrize("text", EVERYWHERE)
def test_what_every_family_can_follow(text: str, family: str, anatomy_of: Callable[[str], Anatomy]) -> None:
    [strategy] = parse_strategies(text, STRATEGIES)
    strategy.refuse(anatomy_of(family))


def test_single_layers_of_every_family_with_own_layers(
    family: str, families: dict[str, Any], anatomy_of: Callable[[str], Anatomy]
) -> None:
    some_layers = ("freeze:first=half", "freeze:first=1..2", "freeze:last=1..2", "freeze:alternating")
    for text in (
        *some_layers,
        "gradual",
        "llrd",
        "lora:top=1..2",
        "reinit:top=1..2",
        "peft:LOHA,layers_to_transform=0..1",
    ):
        for strategy in parse_strategies(text, STRATEGIES):
            if families[family].shares_layers:
                with pytest.raises(StrategyError):
                    strategy.refuse(anatomy_of(family))
            else:
                strategy.refuse(anatomy_of(family))
