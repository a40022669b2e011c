"""Layers without padding give the outputs and gradients of the plain path, or step back."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ModernBertConfig, ModernBertForSequenceClassification

from unfreeze.acceleration.cheap_dropout import dropout_mask
from unfreeze.acceleration.fast_layers import fast_layers
from unfreeze.acceleration.fused_layer import FusedLayer, Step
from unfreeze.acceleration.fused_linear import Products
from unfreeze.acceleration.layer_parts import layer_plan
from unfreeze.acceleration.packing import pack_lengths
from unfreeze.acceleration.precision import PLAIN, Precision
from unfreeze.acceleration.speedups import OFF, Speedups
from unfreeze.acceleration.weight_copies import WeightCopies
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.storage.feature_files import FeatureFiles

UNPADDED = Speedups(PLAIN)
FUSED = ("bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert")
HOOKED = ("modernbert",)
STRATEGIES = [
    "full",
    "head",
    "freeze:first=1",
    "lora:lora_dropout=0",
    "lora:top=1,lora_dropout=0",
    "bitfit",
    "layernorm",
]


def outputs_and_gradients(bench: Any, speedups: Speedups) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    bench.network.zero_grad()
    batch = bench.collator(bench.train.encoded.features[:6])
    outputs = speedups.forward(bench.network, batch)
    loss, _ = bench.task.loss(outputs, batch)
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in bench.network.named_parameters() if p.grad is not None}
    return loss.detach(), gradients


def check(bench: Any) -> None:
    bench.trainables.apply(bench.network, 0)
    bench.trainables.set_modes(bench.network, 0, frozen_dropout=False)
    loss, gradients = outputs_and_gradients(bench, OFF)
    fast_loss, fast = outputs_and_gradients(bench, UNPADDED)
    torch.testing.assert_close(fast_loss, loss, rtol=1e-5, atol=1e-6)
    assert fast.keys() == gradients.keys()
    for name, gradient in gradients.items():
        scale = max(1e-3, float(gradient.abs().max()))
        assert float((fast[name] - gradient).abs().max()) <= 1e-5 * max(1.0, 1 / scale) * max(scale, 1.0) + 1e-5, name


def test_packing_and_padding() -> None:
    packing = pack_lengths([3, 1, 4])
    padded = torch.randn(3, 4, 5)
    packed = packing.pack(padded)
    assert packed.shape == (32, 5) and torch.equal(packed[3], padded[1, 0]) and not packed[8:].any()
    again = packing.pad(packed)
    assert torch.equal(packing.pack(again), packed) and float(again[1, 1:].abs().sum()) == 0
    whole = pack_lengths([4, 4])
    assert not whole.is_padded and torch.equal(whole.pad(whole.pack(padded[:2])), padded[:2])


def test_families_have_the_layers_they_should(workbench: Callable[..., Any], family: str) -> None:
    found = fast_layers(workbench(family).network)
    assert found.way == ("fused" if family in FUSED else "hooked" if family in HOOKED else "plain")
    assert (found.way == "fused") == (not found.reason)


def test_training_uses_them_beside_a_compact_vocabulary(workbench: Callable[..., Any]) -> None:
    bench = workbench("bert", speedups=Speedups())
    ids = {token for window in bench.train.encoded.features for token in window.input_ids}
    assert len(ids) < 0.7 * bench.network.config.vocab_size
    trainer = bench.trainer(used_ids=frozenset(ids))
    with trainer.speedups.vocabulary(bench.network, trainer.used_ids) as compact:
        assert compact is not None and fast_layers(bench.network).way == "fused"


def test_every_family_and_task(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    if task_name == "replaced-token":
        pytest.skip("what the network reads is drawn anew in every step")
    check(workbench(family, task_name, dropout=0.0))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("model_type", ["bert", "distilbert", "modernbert"])
def test_strategies(workbench: Callable[..., Any], model_type: str, strategy: str) -> None:
    from unfreeze.strategies.strategy import StrategyError

    try:
        bench = workbench(model_type, "tagging", strategy, dropout=0.0, layers=3)
    except StrategyError as refusal:
        pytest.skip(str(refusal))
    with torch.no_grad():
        for name, parameter in bench.network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    check(bench)


@pytest.mark.parametrize("strategy", ["lora:use_dora", "peft:IA3", "adapter:reduction_factor=4"])
def test_what_the_fused_layers_do_not_know_runs_unpadded(workbench: Callable[..., Any], strategy: str) -> None:
    bench = workbench("bert", "classification", strategy, dropout=0.0)
    found = fast_layers(bench.network)
    assert found.way == "hooked" and found.reason
    check(bench)


def test_a_layer_that_differs_is_not_used(workbench: Callable[..., Any]) -> None:
    network = deepcopy(workbench("bert").network)
    norm = network.bert.encoder.layer[1].output.LayerNorm
    norm.register_forward_hook(lambda module, args, output: output * 1.5)
    found = fast_layers(network)
    assert found.way == "hooked"  # hooks call the stock modules
    for layer in network.bert.encoder.layer:
        layer.attention.self.register_forward_hook(lambda module, args, output: (output[0].flip(1), output[1]))
    assert fast_layers(deepcopy(network)).way == "plain"


def test_masks_of_dropout_have_their_rate() -> None:
    torch.manual_seed(0)
    for rate in (0.1, 0.5):
        mask = dropout_mask(torch.Size((1000, 999)), rate, torch.float32, torch.device("cpu"))
        assert float((mask == 0).float().mean()) == pytest.approx(rate, abs=2e-3)
        assert mask.unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)])


@pytest.mark.parametrize("shape", [(31, 7), (2000, 1500)], ids=["from the pool", "drawn"])
def test_masks_of_dropout_follow_the_generator(shape: tuple[int, int]) -> None:
    masks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        masks += [dropout_mask(torch.Size(shape), 0.3, torch.bfloat16, torch.device("cpu")) for _ in range(2)]
    assert torch.equal(masks[0], masks[2]) and torch.equal(masks[1], masks[3])
    assert not torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[4])
    # Chance agrees in 0.58 of the places: two masks know nothing of each other.
    agreement = float((masks[0] == masks[1]).float().mean())
    assert agreement == pytest.approx(0.58, abs=4 / masks[0].numel() ** 0.5)


def test_copies_of_weights_follow_their_changes() -> None:
    copies, weights = WeightCopies(torch.bfloat16), [torch.nn.Parameter(torch.ones(2, 3)) for _ in range(2)]
    first = copies.of(*weights)
    assert first.shape == (4, 3) and copies.of(*weights) is first
    with torch.no_grad():
        weights[1].fill_(2.0)
    assert copies.of(*weights)[2:].eq(2).all()


def test_some_rows_are_those_of_all_rows(workbench: Callable[..., Any]) -> None:
    """In double precision, gradients too."""
    bench = workbench("bert", "tagging", "lora:lora_dropout=0", dropout=0.0)
    layer = bench.network.double().bert.encoder.layer[0]
    plan, parameters = layer_plan(layer, bench.network.config)
    packing, copies = pack_lengths([7, 3, 12]), WeightCopies(torch.double)
    rows, asking = torch.tensor([0, 3, 7, 10, 21]), pack_lengths([2, 1, 2])
    x, weight = torch.randn(22, 16, dtype=torch.double, requires_grad=True), torch.randn(5, 16, dtype=torch.double)
    filled = torch.nn.functional.pad(rows, (0, asking.rows - len(rows)))
    found = []
    for step in (Step(plan, packing, copies, False), Step(plan, packing, copies, False, filled, asking)):
        out = FusedLayer.apply(packing.filled_up(x), step, *parameters)
        out = out[:5] if step.rows is not None else out[rows]
        found.append(
            [out.detach(), *torch.autograd.grad((out * weight).sum(), [x, *(p for p in parameters if p.requires_grad)])]
        )
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("task", "strategy", "expected"),
    [
        ("classification", "full", True),
        ("classification", "head:pooling=mean", False),
        ("tagging", "full", False),
        ("question-answering", "full", False),
        ("masked-lm", "full", False),
        ("regression", "full", True),
    ],
)
def test_of_the_last_layer_only_what_is_read(
    workbench: Callable[..., Any], task: str, strategy: str, expected: bool
) -> None:
    bench = workbench("bert", task, strategy, dropout=0.0)
    assert fast_layers(bench.network).first_only == expected
    check(bench)


def test_a_head_of_zeros_hides_nothing(workbench: Callable[..., Any]) -> None:
    """Its outputs are the same whatever it reads; what it reads is seen all the same."""
    bench = workbench("bert", "classification", "head:pooling=mean")
    with torch.no_grad():
        for parameter in bench.network.classifier.parameters():
            parameter.zero_()
    assert not fast_layers(bench.network).first_only


def test_the_order_of_the_products_of_an_adapter_changes_nothing(
    workbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In double precision: added to the weights, or beside them."""
    bench = workbench("bert", "tagging", "lora:lora_dropout=0,target_modules=query+key+value+dense", dropout=0.0)
    layer = bench.network.double().bert.encoder.layer[0]
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    plan, parameters = layer_plan(layer, bench.network.config)
    packing, x = pack_lengths([7, 3, 12]), torch.randn(32, 16, dtype=torch.double, requires_grad=True)
    weight, found = torch.randn(32, 16, dtype=torch.double), []
    for merged in (True, False):
        monkeypatch.setattr(Products, "_is_cheaper_merged", lambda *_, merged=merged: merged)
        out = FusedLayer.apply(x, Step(plan, packing, WeightCopies(torch.double), True), *parameters)
        trained = [p for p in parameters if p.requires_grad]
        assert len(trained) >= 12
        found.append([out.detach(), *torch.autograd.grad((out * weight).sum(), [x, *trained])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


def test_copies_made_in_an_evaluation_serve_training() -> None:
    copies, weight = WeightCopies(torch.bfloat16), torch.nn.Parameter(torch.ones(2, 3))
    update = (torch.nn.Parameter(torch.ones(1, 3)), torch.nn.Parameter(torch.ones(2, 1)), 0.5)
    with torch.inference_mode():
        assert copies.of(weight, updates=[update]).eq(1.5).all()
    with torch.no_grad():
        update[0].fill_(3.0)
    assert copies.of(weight, updates=[update]).eq(2.5).all()


@pytest.mark.parametrize(
    ("model_type", "task", "strategy", "reads"),
    [
        ("bert", "classification", "head", "pooler"),
        ("bert", "tagging", "head", "all"),
        ("roberta", "tagging", "head", "all"),
        ("roberta", "classification", "head", None),
        ("bert", "classification", "head:pooling=mean", None),
        ("bert", "masked-lm", "head", None),
    ],
)
def test_heads_that_are_called_by_themselves(
    workbench: Callable[..., Any], model_type: str, task: str, strategy: str, reads: str | None
) -> None:
    found = fast_layers(workbench(model_type, task, strategy).network)
    assert found.encoder_outputs is not None and found.head_needs_inputs == ("mean" in strategy)
    assert (None if found.head is None else found.head.reads) == reads


@pytest.mark.parametrize("name", FUSED)
def test_dropout_stands_where_the_family_has_it(
    workbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With dropout that draws nothing and multiplies by 1 and its rate, so that every place counts."""
    bench = workbench(name, "classification", dropout=0.2)
    bench.network.set_attn_implementation("eager")
    bench.network.train()

    def scaled(values: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
        return values * (1 + p) if training else values

    def mask(shape: torch.Size, rate: float, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return torch.full(shape, 1 + rate, dtype=dtype)

    monkeypatch.setattr(torch.nn.functional, "dropout", scaled)
    for module in ("fused_layer", "packed_attention"):
        monkeypatch.setattr(f"unfreeze.acceleration.{module}.dropout_mask", mask)
    batch = bench.collator(bench.train.encoded.features[:6])
    assert fast_layers(bench.network).way == "fused"
    bench.network.train()
    with torch.no_grad():
        expected = bench.network(**batch.inputs).logits
        found = UNPADDED.forward(bench.network, batch).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_local_attention_reaches_as_far_as_in_the_stock_network() -> None:
    """Texts longer than its reach: short ones would see nothing of it."""
    torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48,
        local_attention=6, global_attn_every_n_layers=3, max_position_embeddings=64, pad_token_id=0,
        cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    network = ModernBertForSequenceClassification(config).eval()
    assert fast_layers(network).way == "hooked"
    windows = [Features(i, list(range(5, 5 + length)), [0]) for i, length in enumerate((3, 20, 12))]
    batch = Collator(0)(windows)
    with torch.no_grad():
        torch.testing.assert_close(
            UNPADDED.forward(network, batch).logits, network(**batch.inputs).logits, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("strategy", ["full", "lora:lora_dropout=0", "head"])
@pytest.mark.parametrize("name", FUSED)
def test_in_bf16_they_are_as_near_as_autocast(workbench: Callable[..., Any], name: str, strategy: str) -> None:
    """Gradients in bf16 against those in fp32, which torch's own autocast misses by 1 to 3 % in so small a network."""
    bench = workbench(name, "tagging", strategy, dropout=0.0)
    bench.trainables.apply(bench.network, 0)
    bench.network.train()
    bf16 = Precision("bf16", False, "")
    found = []
    for speedups in (OFF, Speedups(bf16, unpad=False, compact=False), Speedups(bf16)):
        _, gradients = outputs_and_gradients(bench, speedups)
        found.append(torch.cat([gradient.flatten() for gradient in gradients.values()]))
    exact, autocast, fast = found
    assert float((fast - exact).norm()) <= 1.5 * float((autocast - exact).norm()) <= 0.06 * float(exact.norm())


def test_what_is_said_holds(workbench: Callable[..., Any], tmp_path: Path) -> None:
    bench = workbench("bert", "classification")
    speedups = Speedups(PLAIN, cache=FeatureFiles(tmp_path))
    few, all_ids = frozenset(range(5)), frozenset(range(bench.network.config.vocab_size))
    said = speedups.described(bench.network, "cpu", 0.25, few, (1, 2), 1000)
    assert "25 % of the places" in said and "only the 5 of" in said and "pool of random numbers" in said
    assert "cache: layer 1, layers 1-2, computed once, at most 0 MB each" in said
    said = speedups.described(bench.network, "cuda", 0.25, all_ids, (), 1000)
    assert "word embeddings" not in said and "pool" not in said and "cache" not in said
