"""The top layers start anew, from the seed, as the family initialises them; they alone, and they must train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.models.anatomy import Anatomy, Place, take_anatomy
from unfreeze.models.load import load_network
from unfreeze.strategies import STRATEGIES, Reinit, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies
from unfreeze.strategies.strategy import Kind

CLASSIFICATION = "AutoModelForSequenceClassification"
OWN_LAYERS = ["bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert", "modernbert"]


def changed(workbench: Callable[..., Any], family: str, text: str, layers: int = 3) -> set[str]:
    """The parameters that differ from those of a run that starts with the same seed."""
    before = workbench(family, layers=layers).state()
    after = workbench(family, strategy=text, layers=layers).state()
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("family_name", OWN_LAYERS)
@pytest.mark.parametrize("top", [1, 2, 3])
def test_only_the_top_layers_change(workbench: Callable[..., Any], family_name: str, top: int) -> None:
    bench = workbench(family_name, layers=3)
    upper = {n: p for n, p in bench.state().items() if bench.anatomy.places[n].part == "layer"}
    upper = {name: tensor for name, tensor in upper.items() if bench.anatomy.places[name].depth > 3 - top}
    # The norms of the network that it starts from are 1 already.
    expected = {name for name, tensor in upper.items() if not torch.equal(tensor, torch.ones_like(tensor))}
    assert changed(workbench, family_name, f"reinit:top={top}") == expected
    assert len(expected) > 3 * top


@pytest.mark.parametrize("family_name", ["bert", "albert"])
def test_the_pooler_too(workbench: Callable[..., Any], family_name: str) -> None:
    pooler = {name for name in workbench(family_name).anatomy.places if ".pooler." in name}
    assert changed(workbench, family_name, "reinit:pooler") == pooler != set()


def test_layers_and_pooler_together(workbench: Callable[..., Any]) -> None:
    found = changed(workbench, "bert", "reinit:top=1,pooler")
    assert {name.split(".")[1] for name in found} == {"encoder", "pooler"}


@pytest.mark.parametrize("family_name", OWN_LAYERS)
def test_the_spread_is_that_of_a_fresh_network(workbench: Callable[..., Any], family_name: str) -> None:
    bench = workbench(family_name, strategy="reinit:top=2")
    fresh = type(bench.network)(bench.network.config)
    drawn = bench.state()
    compared = 0
    for name, expected in fresh.state_dict().items():
        if name not in drawn or bench.anatomy.places[name].part != "layer":
            continue
        if float(expected.std()) == 0:  # a norm or a bias
            assert torch.equal(drawn[name], expected), name
        elif expected.numel() >= 256:
            assert float(drawn[name].std() / expected.std()) == pytest.approx(1, abs=0.25), name
            assert not torch.equal(drawn[name], expected)
            compared += 1
    assert compared >= 6


def test_the_seed_draws_the_layers(family_folder: Callable[..., str]) -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.seed()  # history must not matter
        network = load_network(family_folder("bert"), CLASSIFICATION, seed).network
        Reinit(top=1).adapt(network, take_anatomy(network))
        return network.get_parameter("bert.encoder.layer.1.output.dense.weight")

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_alone_it_trains_everything_at_the_rate_of_full(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="reinit:top=1")
    assert bench.trainables.count(bench.network)[0] == bench.trainables.count(bench.network)[1]
    assert Reinit(top=1).learning_rate == STRATEGIES["full"].learning_rate


@pytest.mark.parametrize(
    ("family_name", "text", "message"),
    [
        ("bert", "reinit:top=3", r"top=3: this encoder has 2 layers\. Use top=1 to top=2"),
        ("albert", "reinit:top=1", "layers of albert share one set of weights, so all of them would start anew"),
        ("roberta", "reinit:pooler", "network of roberta has no pooler"),
        ("bert", "head+reinit:top=1", r"reinit:top=1 starts 16 parameters anew .*the rest never trains"),
        ("bert", "reinit:top=1+lora", "would stay random"),
        ("bert", "reinit:top=1+freeze:last=1", "would stay random"),
        ("bert", "reinit:top=2+freeze:first=1", "would stay random"),
        ("bert", "reinit:top=1+freeze:alternating+freeze:layers", "would stay random"),
        ("bert", "reinit:pooler+head", r"reinit:pooler starts 2 parameters anew \(bert\.pooler\.dense\.weight first\)"),
    ],
)
def test_refused(workbench: Callable[..., Any], family_name: str, text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        workbench(family_name, strategy=text)


def test_a_pooler_that_nobody_reads_is_refused(workbench: Callable[..., Any]) -> None:
    with pytest.raises(StrategyError, match="mean pooling reads no pooler"):
        workbench(strategy="full+head:pooling=mean+reinit:pooler")


@pytest.mark.parametrize(
    "text",
    ["reinit:top=1+freeze:first=1", "full+reinit:top=2", "reinit:pooler+head:pooler=train", "reinit:pooler+full"],
)
def test_what_trains_may_start_anew(workbench: Callable[..., Any], text: str) -> None:
    workbench(strategy=text)


@dataclass(frozen=True)
class Thaw(Strategy):
    """One more layer trains in each epoch, from the top."""

    name: ClassVar[str] = "thaw"
    kind: ClassVar[Kind] = "closer"

    def trains(self, place: Place, epoch: int) -> bool:
        return place.from_top <= epoch


def test_layers_that_thaw_in_time_may_start_anew(workbench: Callable[..., Any]) -> None:
    workbench(strategy=Reinit(top=2) + Thaw(), epochs=3)
    with pytest.raises(StrategyError, match=r"reinit:top=2 starts 16 parameters anew .*never trains in 2 epochs"):
        workbench(strategy=Reinit(top=2) + Thaw(), epochs=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reinit", "nothing to start anew. Give top=k, pooler, or both"),
        ("reinit:top=0", "nothing to start anew"),
        ("reinit:top=-1", "top=-1: expected 0 or more layers"),
    ],
)
def test_bad_settings_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse_strategies(text, STRATEGIES)


@given(st.builds(Reinit, learning_rate=st.floats(1e-7, 1.0), top=st.integers(1, 24), pooler=st.booleans()))
def test_what_is_printed_can_be_typed(strategy: Reinit) -> None:
    assert parse_strategies(str(strategy), STRATEGIES) == [strategy]


def test_an_own_network_without_pooler_has_none() -> None:
    with torch.device("meta"):
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        config = transformers.AutoConfig.for_model("bert", vocab_size=50, **sizes)
        tagger = transformers.AutoModelForTokenClassification.from_config(config)
        reader = transformers.AutoModelForSequenceClassification.from_config(config)
    anatomies: list[Anatomy] = [take_anatomy(network) for network in (tagger, reader)]
    assert [anatomy.pooler for anatomy in anatomies] == [None, "bert.pooler"]
    assert [anatomy.reads_one_vector for anatomy in anatomies] == [False, True]
