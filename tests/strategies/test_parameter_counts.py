"""What trains of full-size networks, in numbers: those of the seed documents, as corrected in FACTS.md.

The networks are built on the meta device, so that they have names and shapes but no memory.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from unfreeze.models.anatomy import take_anatomy
from unfreeze.strategies import STRATEGIES
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.parameters import Trainables

CASED, UNCASED = {"vocab_size": 28996}, {"vocab_size": 30522}
TAGGING, CLASSIFICATION = "AutoModelForTokenClassification", "AutoModelForSequenceClassification"
NETWORKS = {
    "cased, 9 tags": ("bert", TAGGING, {**CASED, "num_labels": 9}),
    "uncased, 6 labels": ("bert", CLASSIFICATION, {**UNCASED, "num_labels": 6}),
    "uncased, 2 labels": ("bert", CLASSIFICATION, {**UNCASED, "num_labels": 2}),
    "distilbert, 10 tags": ("distilbert", TAGGING, {"vocab_size": 119547, "num_labels": 10}),
}


@cache
def build(name: str) -> PreTrainedModel:
    """Cached: only LoRA changes a network, and asks for its own copy."""
    model_type, auto_class, sizes = NETWORKS[name]
    with torch.device("meta"):
        return getattr(transformers, auto_class).from_config(transformers.AutoConfig.for_model(model_type, **sizes))


def count(name: str, text: str, epochs: int = 1) -> tuple[int, int]:
    [strategy] = parse_strategies(text, STRATEGIES)
    network = build.__wrapped__(name) if "lora" in text else build(name)
    anatomy = take_anatomy(network)
    strategy.refuse(anatomy)
    with torch.device("meta"):
        strategy.adapt(network, anatomy)
    head = frozenset(name for name, place in anatomy.places.items() if place.part == "head")
    return Trainables(strategy, anatomy, head, epochs).count(network)


@pytest.mark.parametrize(
    ("network", "text", "trained"),
    [
        ("cased, 9 tags", "full", 107_726_601),
        ("cased, 9 tags", "head", 6_921),
        ("cased, 9 tags", "lora:r=8", 442_368 + 6_921),
        ("uncased, 6 labels", "full", 109_486_854),
        ("uncased, 6 labels", "head", 4_614),
        ("uncased, 6 labels", "lora", 442_368 + 4_614),
        ("uncased, 2 labels", "full", 109_483_778),
        ("uncased, 2 labels", "head", 1_538),
        ("uncased, 2 labels", "head:pooler=train", 1_538 + 590_592),
        ("uncased, 2 labels", "freeze:first=6", 43_119_362),
        ("uncased, 2 labels", "freeze:first=half", 43_119_362),
        ("uncased, 2 labels", "freeze:first=0", 109_483_778),
        # 12 layers with 4 h + i + h biases of matrices and 2 h of norms, the embeddings' norm, the pooler.
        ("uncased, 2 labels", "bitfit", 12 * (5 * 768 + 3072 + 2 * 768) + 768 + 768 + 1_538),
        ("uncased, 2 labels", "layernorm", 25 * 2 * 768 + 1_538),
        ("uncased, 2 labels", "bitfit+layernorm", 102_912 + 25 * 768 + 1_538),
        ("uncased, 2 labels", "bitfit+freeze:first=6", 6 * (7 * 768 + 3072) + 768 + 1_538),
        ("uncased, 2 labels", "llrd", 109_483_778),
        ("uncased, 2 labels", "discriminative", 109_483_778),
        ("distilbert, 10 tags", "full", 134_741_770),
        ("distilbert, 10 tags", "freeze:layers", 92_214_538),
        ("distilbert, 10 tags", "freeze:first=2,embeddings=train", 120_566_026),
        ("distilbert, 10 tags", "freeze:first=4,embeddings=train", 106_390_282),
        ("distilbert, 10 tags", "freeze:alternating,embeddings=train", 113_478_154),
    ],
)
def test_trained_parameters(network: str, text: str, trained: int) -> None:
    assert count(network, text)[0] == trained


def test_what_thaws_within_the_epochs_counts() -> None:
    network = "uncased, 2 labels"
    head, layer = 1_538 + 590_592, 7_087_872
    assert [count(network, "gradual", epochs)[0] for epochs in (1, 2, 7)] == [head, head + layer, head + 6 * layer]
    assert count(network, "gradual", 7)[0] == count(network, "freeze:first=6")[0]
    assert count(network, "gradual", 13)[0] == count(network, "freeze:embeddings")[0]
    assert count(network, "gradual", 14)[0] == count(network, "full")[0]
    assert [count(network, "two_stage", epochs)[0] for epochs in (1, 2)] == [head, 109_483_778]


def test_totals_count_the_adapter_and_the_head_once() -> None:
    assert count("cased, 9 tags", "head")[1] == 107_726_601
    assert count("cased, 9 tags", "lora")[1] == 107_726_601 + 442_368


def test_what_trains_is_said_in_words() -> None:
    network = build("uncased, 2 labels")
    anatomy = take_anatomy(network)
    [strategy] = parse_strategies("freeze:first=6", STRATEGIES)
    said = Trainables(strategy, anatomy, frozenset(), 1).describe(network)
    assert said == (
        "layers 7-12 of 12, the layer on top (pooler or norm), the head: 43,119,362 of 109,483,778 parameters (39.38 %)"
    )
    [strategy] = parse_strategies("freeze:alternating", STRATEGIES)
    said = Trainables(strategy, anatomy, frozenset(), 1).describe(network)
    assert said.startswith("layers 2, 4, 6, 8, 10, 12 of 12, ")
