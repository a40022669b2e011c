"""`head:pooling=mean`: the head reads the mean over the real tokens, whatever the batch, and the pooler is gone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.load import load_network
from unfreeze.strategies import STRATEGIES, Head, StrategyError
from unfreeze.strategies.parse import parse_strategies

# What the stock heads compute, from one vector for each text: (batch, hidden) to (batch, labels).
HEADS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "bert": lambda network, mean: network.classifier(mean),
    "albert": lambda network, mean: network.classifier(mean),
    "distilbert": lambda network, mean: network.classifier(network.pre_classifier(mean).relu()),
    "modernbert": lambda network, mean: network.classifier(network.head(mean)),
    "deberta-v2": lambda network, mean: network.classifier(network.pooler(mean.unsqueeze(1))),
}


def read_by_head(family: str, network: Any, mean: Tensor) -> Tensor:
    # RoBERTa and ELECTRA: a head that takes the first of many tokens.
    return HEADS.get(family, lambda network, mean: network.classifier(mean.unsqueeze(1)))(network, mean)


def last_outputs(network: Any, inputs: dict[str, Tensor]) -> Tensor:
    """What the encoder puts out, (batch, tokens, hidden), without what the strategy adds."""
    encoder = deepcopy(network.base_model)
    encoder._forward_hooks.clear()
    encoder._forward_hooks_with_kwargs.clear()
    result: Tensor = encoder(**inputs).last_hidden_state
    return result


def test_the_head_reads_the_mean_over_the_real_tokens(workbench: Callable[..., Any], family: str) -> None:
    bench = workbench(family, strategy="head:pooling=mean")
    inputs = bench.collator(bench.validation.encoded.features).inputs
    mask = inputs["attention_mask"]
    assert mask.sum(1).unique().numel() > 3, "nothing is padded"
    with torch.no_grad():
        network = bench.network.eval()
        hidden = last_outputs(network, inputs)
        means = torch.stack([hidden[i, : int(n)].mean(0) for i, n in enumerate(mask.sum(1))])
        torch.testing.assert_close(network(**inputs).logits, read_by_head(family, network, means))
        everything = network(**{**inputs, "attention_mask": torch.ones_like(mask)}).logits
        assert not torch.allclose(network(**inputs).logits, everything, atol=1e-3)


def test_without_a_mask_every_token_counts(workbench: Callable[..., Any], family: str) -> None:
    bench = workbench(family, strategy="head:pooling=mean")
    inputs = bench.collator(bench.validation.encoded.features[:1]).inputs
    with torch.no_grad():
        network = bench.network.eval()
        torch.testing.assert_close(network(input_ids=inputs["input_ids"]).logits, network(**inputs).logits)


def test_padding_does_not_change_the_answer(workbench: Callable[..., Any], family: str) -> None:
    found = [
        bench.evaluate(bench.network)
        for bench in (workbench(family, strategy="head:pooling=mean", tokens_per_batch=tokens) for tokens in (1, 10**6))
    ]
    for alone, together in zip(found[0].predictions, found[1].predictions, strict=True):
        assert together.scores == pytest.approx(alone.scores, abs=1e-5)


def test_the_pooler_is_gone_and_only_the_head_trains(
    workbench: Callable[..., Any], family: str, families: dict[str, Any]
) -> None:
    plain, bench = workbench(family), workbench(family, strategy="head:pooling=mean")
    lost = plain.state().keys() - bench.state().keys()
    assert lost == {name for name in plain.anatomy.places if ".pooler." in name}
    assert bool(lost) == families[family].has_pooler
    trained = {name for name in bench.state() if bench.trainables.ever_trains(name)}
    assert trained == {name for name, place in plain.anatomy.places.items() if place.part == "head"}


def test_every_weight_that_trains_is_used(workbench: Callable[..., Any], family: str) -> None:
    bench = workbench(family, strategy="full+head:pooling=mean", dropout=0.0)
    batch = bench.collator(bench.train.encoded.features[:8])
    bench.task.loss(bench.network(**batch.inputs), batch)[0].backward()
    unused = [name for name, parameter in bench.network.named_parameters() if parameter.grad is None]
    assert unused == []


def test_modernbert_stays_a_stock_network(workbench: Callable[..., Any]) -> None:
    """It has mean pooling of its own, which its configuration switches on."""
    bench = workbench("modernbert", strategy="head:pooling=mean")
    assert bench.network.config.classifier_pooling == "mean"
    assert not hasattr(bench.network.config, "unfreeze_extensions")
    stock = workbench("bert", strategy="head:pooling=mean").network.config
    assert stock.unfreeze_extensions == [{"name": "mean_pooling"}]


@pytest.mark.parametrize("text", ["head:pooling=mean", "lora+head:pooling=mean"])
def test_a_head_that_reads_every_token_is_refused(workbench: Callable[..., Any], family: str, text: str) -> None:
    with pytest.raises(StrategyError, match=r"head:pooling=mean: the head of this task reads every token"):
        workbench(family, "tagging", text)


def test_pooler_and_mean_exclude_each_other() -> None:
    with pytest.raises(StrategyError, match="the mean is read without the pooler"):
        parse_strategies("head:pooling=mean,pooler=train", STRATEGIES)
    assert parse_strategies("head:pooling=mean", STRATEGIES) == [Head(pooling="mean")]
    with pytest.raises(StrategyError, match="pooling=max: expected cls or mean"):
        parse_strategies("head:pooling=max", STRATEGIES)


def test_a_pooler_that_no_checkpoint_filled_does_not_matter(family_folder: Callable[..., str]) -> None:
    """After masked-LM pretraining the pooler would have to train; mean pooling needs none."""
    loaded = load_network(
        family_folder("bert", auto_class="AutoModelForMaskedLM"), "AutoModelForSequenceClassification", 0
    )
    assert "bert.pooler.dense.weight" in loaded.new_parameters
    Head(pooling="mean").adapt(loaded.network, take_anatomy(loaded.network))
    assert isinstance(loaded.network.bert, nn.Module)
    assert "bert.pooler.dense.weight" not in dict(loaded.network.named_parameters())
