"""Bottleneck adapters: where the papers put them, without effect at the start, and in no stock program by mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from unfreeze.models.anatomy import Anatomy, take_anatomy
from unfreeze.models.explained import ModelError
from unfreeze.models.extensions import load_extended, recorded
from unfreeze.models.load import load_network
from unfreeze.strategies import STRATEGIES, Adapter, StrategyError
from unfreeze.strategies.parse import parse_strategies

PLACEMENTS = ["pfeiffer", "houlsby"]
each_placement = pytest.mark.parametrize("placement", PLACEMENTS)


def logits(bench: Any, network: Any = None) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = bench.logits(bench.validation.encoded.features, (network or bench.network).eval())
    return result


def adapters(bench: Any) -> dict[str, torch.nn.Parameter]:
    return {
        name: parameter
        for name, parameter in bench.network.named_parameters()
        if bench.anatomy.locate(name).part == "adapter"
    }


def fill(bench: Any) -> None:
    """Weights as after some training."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in adapters(bench).values():
            parameter.normal_(std=0.5)


@each_placement
def test_the_start_is_the_stock_network_exactly(
    workbench: Callable[..., Any], family: str, task_name: str, placement: str
) -> None:
    plain = workbench(family, task_name)
    bench = workbench(family, task_name, f"adapter:placement={placement},reduction_factor=4")
    assert type(bench.network) is type(plain.network)
    assert torch.equal(logits(bench), logits(plain))
    fill(bench)
    assert not torch.allclose(logits(bench), logits(plain), atol=1e-2)


@each_placement
def test_every_layer_has_its_adapters_and_everything_else_is_frozen(
    workbench: Callable[..., Any], family: str, placement: str
) -> None:
    bench = workbench(family, strategy=f"adapter:placement={placement},reduction_factor=4", layers=3)
    hidden, size, layers = 16, 4, bench.anatomy.num_layers
    each = 2 * hidden * size + hidden + size
    of_layer = [
        sum(parameter.numel() for name, parameter in adapters(bench).items() if bench.anatomy.depth_of(name) == depth)
        for depth in range(1, layers + 1)
    ]
    assert of_layer == [each * {"pfeiffer": 1, "houlsby": 2}[placement]] * layers
    head = {name for name, place in bench.anatomy.places.items() if place.part == "head"}
    trained = {name for name, _ in bench.network.named_parameters() if bench.trainables.ever_trains(name)}
    assert trained == set(adapters(bench)) | head


@pytest.mark.parametrize(("hidden", "factor", "size"), [(16, 16, 1), (16, 5, 3), (16, 100, 1), (16, 1, 16)])
def test_the_bottleneck_is_the_hidden_size_divided(
    workbench: Callable[..., Any], hidden: int, factor: int, size: int
) -> None:
    bench = workbench(strategy=f"adapter:reduction_factor={factor}")
    assert {tuple(p.shape) for n, p in adapters(bench).items() if n.endswith("down.weight")} == {(size, hidden)}


def bottleneck(bench: Any, module: str, inputs: torch.Tensor, activation: Callable[..., Any]) -> torch.Tensor:
    """`up(activation(down(x)))` with the weights found behind this module."""
    weights = {name.removeprefix(f"{module}.bottleneck."): p for name, p in adapters(bench).items() if module in name}
    middle = activation(functional.linear(inputs, weights["down.weight"], weights["down.bias"]))
    return functional.linear(middle, weights["up.weight"], weights["up.bias"])


def inner_values(bench: Any, *names: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(first input, output) of these modules in one forward pass, hooks and all."""
    seen: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    hooks = [
        bench.network.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: seen.update({name: (args[0], output)})
        )
        for name in names
    ]
    logits(bench)
    for hook in hooks:
        hook.remove()
    return [seen[name] for name in names]


def test_houlsby_stands_before_the_residual(workbench: Callable[..., Any]) -> None:
    """LN(x + h + adapter(h)) behind both sub-layers, with h what the sub-layer's dropout puts out."""
    bench = workbench(strategy="adapter:placement=houlsby,reduction_factor=4,non_linearity=gelu")
    fill(bench)
    layer = "bert.encoder.layer.1"
    for sublayer in ("attention.output", "output"):
        block = bench.network.get_submodule(f"{layer}.{sublayer}")
        name = f"{layer}.{sublayer}.dropout"
        (dropped, after), (total, _) = inner_values(bench, name, f"{layer}.{sublayer}.LayerNorm")
        expected = dropped + bottleneck(bench, name, dropped, functional.gelu)  # dropout is off
        torch.testing.assert_close(after, expected)
        (hidden, block_output) = inner_values(bench, f"{layer}.{sublayer}")[0]
        residual = total - after
        torch.testing.assert_close(block_output, block.LayerNorm(expected + residual))
        torch.testing.assert_close(block.dense(hidden), dropped)


def test_pfeiffer_reads_the_normalised_sum(workbench: Callable[..., Any]) -> None:
    """LN(s + adapter(LN(s))) behind the feed-forward sub-layer, with s its output and the residual."""
    bench = workbench(strategy="adapter:reduction_factor=4")
    fill(bench)
    layer = "bert.encoder.layer.1"
    norm = bench.network.get_submodule(f"{layer}.output.LayerNorm")
    (entered, output), (_, dropped) = inner_values(bench, f"{layer}.output.LayerNorm", f"{layer}.output.dropout")
    (_, attended) = inner_values(bench, f"{layer}.attention.output")[0]
    total = dropped + attended
    normalised = functional.layer_norm(total, (16,), norm.weight, norm.bias, norm.eps)
    changed = total + bottleneck(bench, f"{layer}.output.LayerNorm", normalised, functional.relu)
    torch.testing.assert_close(entered, changed)
    torch.testing.assert_close(output, functional.layer_norm(changed, (16,), norm.weight, norm.bias, norm.eps))


def test_where_norms_come_first_pfeiffer_reads_the_sublayer(workbench: Callable[..., Any]) -> None:
    bench = workbench("modernbert", strategy="adapter:reduction_factor=4")
    fill(bench)
    [(inputs, output)] = inner_values(bench, "model.layers.1.mlp.Wo")
    plain = functional.linear(inputs, bench.network.get_submodule("model.layers.1.mlp.Wo").weight)
    torch.testing.assert_close(output, plain + bottleneck(bench, "model.layers.1.mlp.Wo", plain, functional.relu))


@each_placement
def test_a_copy_uses_its_own_adapters(workbench: Callable[..., Any], placement: str) -> None:
    bench = workbench(strategy=f"adapter:placement={placement},reduction_factor=4")
    before, copy = logits(bench), deepcopy(bench.network)
    fill(bench)
    assert torch.equal(logits(bench, copy), before)


def test_adapters_follow_the_seed_and_nothing_else(family_folder: Callable[..., str]) -> None:
    def drawn(seed: int) -> list[torch.Tensor]:
        torch.seed()  # history must not matter
        network = load_network(family_folder("bert"), "AutoModelForSequenceClassification", seed).network
        Adapter().adapt(network, take_anatomy(network))
        return [p for name, p in network.named_parameters() if name.endswith("down.weight")]

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("text", ["adapter+lora:target_modules=dense", "lora:target_modules=dense+adapter"])
def test_lora_beside_an_adapter_in_any_order(workbench: Callable[..., Any], text: str) -> None:
    bench = workbench(strategy=text)
    kinds = {kind for name in adapters(bench) for kind in ("lora_A", "bottleneck") if kind in name}
    assert kinds == {"lora_A", "bottleneck"}


def test_an_adapter_on_a_frozen_layer_is_frozen(workbench: Callable[..., Any]) -> None:
    bench = workbench(strategy="adapter+freeze:first=1")
    trained = [name for name in adapters(bench) if bench.trainables.ever_trains(name)]
    assert {bench.anatomy.depth_of(name) for name in trained} == {2}


def other_network(model_type: str, **sizes: int) -> Any:
    with torch.device("meta"):
        config = transformers.AutoConfig.for_model(model_type, vocab_size=50, **sizes)
        return transformers.AutoModelForSequenceClassification.from_config(config)


def anatomy_of(model_type: str, **sizes: int) -> Anatomy:
    return take_anatomy(other_network(model_type, **sizes))


def test_unknown_sublayers_are_refused() -> None:
    with pytest.raises(
        StrategyError, match=r"^adapter: the attention and feed-forward sub-layers of xlnet are not known"
    ):
        Adapter().refuse(anatomy_of("xlnet", d_model=16, n_layer=2, n_head=2, d_inner=32))


@pytest.mark.parametrize("model_type", ["mpnet", "deberta", "deberta-v2"])
@each_placement
def test_families_beyond_the_tested_ones(model_type: str, placement: str) -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.AutoConfig.for_model(model_type, vocab_size=50, pad_token_id=0, **sizes)
    network = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.arange(5, 15).unsqueeze(0)
    [strategy] = parse_strategies(f"adapter:placement={placement}", STRATEGIES)
    anatomy = take_anatomy(network)
    strategy.refuse(anatomy)
    with torch.no_grad():
        before = network(ids).logits
        strategy.adapt(network, anatomy)
        assert torch.equal(network(ids).logits, before)
        for name, parameter in network.named_parameters():
            if "bottleneck" in name:
                parameter.normal_()
        assert not torch.allclose(network(ids).logits, before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adapter:reduction_factor=0", "reduction_factor=0: expected 1 or more"),
        ("adapter:placement=parallel", "placement=parallel: expected pfeiffer or houlsby"),
        ("adapter:non_linearity=step", "non_linearity=step: expected relu or gelu or silu or tanh"),
    ],
)
def test_bad_settings_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse_strategies(text, STRATEGIES)


@given(
    st.builds(
        Adapter,
        learning_rate=st.floats(1e-7, 1.0),
        placement=st.sampled_from(["pfeiffer", "houlsby"]),
        reduction_factor=st.integers(1, 64),
        non_linearity=st.sampled_from(["relu", "gelu", "silu", "tanh", None]),
    )
)
def test_what_is_printed_can_be_typed(strategy: Adapter) -> None:
    assert parse_strategies(str(strategy), STRATEGIES) == [strategy]


@pytest.fixture
def saved(workbench: Callable[..., Any], tmp_path: Path) -> tuple[Any, Path]:
    """A network with filled adapters, and its folder."""
    bench = workbench(strategy="adapter:reduction_factor=4,placement=houlsby")
    fill(bench)
    return bench, bench.save(tmp_path / "model")


def test_a_folder_brings_all_that_is_needed(saved: tuple[Any, Path]) -> None:
    bench, folder = saved
    config = transformers.AutoConfig.from_pretrained(folder)
    assert recorded(config) == [{"name": "bottlenecks", "placement": "houlsby", "size": 4, "non_linearity": "gelu"}]
    network = load_extended(folder, bench.task.auto_class, config)
    assert torch.equal(logits(bench, network), logits(bench))
    assert recorded(network.config) == recorded(config)


def test_stock_programs_refuse_the_folder(saved: tuple[Any, Path]) -> None:
    """Without the adapters they would answer differently, and not say so."""
    _, folder = saved
    for loader in (
        transformers.AutoModel,
        transformers.AutoModelForSequenceClassification,
        transformers.BertForSequenceClassification,
        transformers.BertModel,
    ):
        with pytest.raises(OSError, match=r"no file named model\.safetensors"):
            loader.from_pretrained(folder)
    with pytest.raises((OSError, ValueError)):
        transformers.pipeline("text-classification", model=str(folder))


def test_it_is_no_base_model_for_further_training(saved: tuple[Any, Path]) -> None:
    with pytest.raises(ModelError, match=r"no stock network \(bottlenecks\).*train its base model"):
        load_network(str(saved[1]), "AutoModelForSequenceClassification", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "prefix"}, "an extension unknown to this version"),
        ({"colour": "red"}, "an extension unknown to this version"),
        ({"size": 5}, "cannot be loaded"),
        ({"placement": "pfeiffer"}, "cannot be loaded"),
    ],
)
def test_a_changed_record_is_refused(saved: tuple[Any, Path], change: dict[str, Any], message: str) -> None:
    bench, folder = saved
    values = json.loads((folder / "config.json").read_text())
    values["unfreeze_extensions"][0] |= change
    (folder / "config.json").write_text(json.dumps(values))
    config = transformers.AutoConfig.from_pretrained(folder)
    with pytest.raises(ModelError, match=message):
        load_extended(folder, bench.task.auto_class, config)


def test_lost_weights_are_refused(saved: tuple[Any, Path]) -> None:
    bench, folder = saved
    (folder / "unfreeze.safetensors").unlink()
    with pytest.raises(ModelError, match=r"cannot be loaded: unfreeze\.safetensors is missing"):
        load_extended(folder, bench.task.auto_class, transformers.AutoConfig.from_pretrained(folder))
