"""Every method of peft is either offered and works from training to a merged model, or refused with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel, PeftType

from unfreeze.inference.predictor import load_predictor
from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.save import merged_folder
from unfreeze.strategies import STRATEGIES, PeftMethod, StrategyError
from unfreeze.strategies.parse import parse_strategies

# The methods and what they need on matrices of 16 x 16.
OFFERED = {
    "BEFT": "",
    "BOFT": ",boft_block_size=4",
    "C3A": ",block_size=4",
    "DEFT": "",
    "DELORA": "",
    "FOURIERFT": ",n_frequency=10",
    "FROD": "",
    "GLORA": "",
    "GRALORA": "",
    "HIRA": ",r=4",
    "HRA": "",
    "IA3": "",
    "LOHA": ",r=2",
    "LOKR": ",r=2",
    "MISS": ",r=4",
    "OFT": ",oft_block_size=4",
    "OSF": "",
    "PEANUT": ",r=4",
    "PSOFT": ",r=4",
    "PVERA": ",r=4",
    "RANDLORA": ",r=4",
    "ROAD": ",group_size=4",
    "SHIRA": ",r=2",
    "SUPERTUNING": "",
    "TINYLORA": "",
    "UNILORA": "",
    "VBLORA": ",vector_length=4,num_vectors=8",
    "VERA": ",r=4",
    "WAVEFT": ",n_frequency=10",
}
REFUSED = {
    "stock class": [
        *("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "MULTITASK_PROMPT_TUNING", "CPT", "ADAPTION_PROMPT"),
        "CARTRIDGE",
    ],
    "after each step": ["ADALORA"],
    "while training": ["ADAMSS"],
    "cannot be merged": ["LILY"],
    "use layernorm": ["LN_TUNING"],
    "use lora": ["LORA"],
    "several tasks": ["POLY"],
    "second network": ["SHADOW"],
    "no layers": ["TRAINABLE_TOKENS"],
    "trained before": ["XLORA"],
}


def parse(text: str) -> PeftMethod:
    [strategy] = parse_strategies(text, STRATEGIES)
    assert isinstance(strategy, PeftMethod)
    return strategy


def logits(network: Any, bench: Any) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = network.eval()(**bench.collator(bench.validation.encoded.features).inputs).logits
    return result


def stock_adapted(bench: Any, folder: Path) -> Any:
    """The base network with the adapter, as peft's users load it."""
    config = transformers.AutoConfig.from_pretrained(folder)
    base = getattr(transformers, bench.task.auto_class).from_pretrained(bench.network.name_or_path, config=config)
    return PeftModel.from_pretrained(base, folder)


def test_every_method_of_peft_has_its_place_in_these_tables() -> None:
    refused = [name for names in REFUSED.values() for name in names]
    assert sorted([*OFFERED, *refused]) == sorted(method.value for method in PeftType)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft 0.21 with transformers 5.23
@pytest.mark.filterwarnings("ignore:Failed to load the CUDA extension:UserWarning")  # BOFT does without
@pytest.mark.filterwarnings("ignore:Setting boft_n_butterfly_factor:UserWarning")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # FROD multiplies by a sparse matrix
@pytest.mark.parametrize("method", OFFERED)
def test_an_offered_method_trains_and_survives_saving_and_merging(
    workbench: Callable[..., Any], method: str, tmp_path: Path
) -> None:
    bench = workbench(strategy=f"peft:{method}{OFFERED[method]}", epochs=1, max_steps=2, learning_rate=1e-2)
    before, start = bench.state(), logits(bench.network, bench)
    bench.run()
    moved = {name for name, tensor in bench.state().items() if not torch.equal(tensor, before[name])}
    assert moved <= {name for name in before if bench.trainables.ever_trains(name)}
    assert any(bench.anatomy.locate(name).part == "adapter" for name in moved)
    expected = logits(bench.network, bench)
    assert not torch.allclose(expected, start, atol=1e-3)
    folder = bench.save(tmp_path / "model")
    for network in (
        stock_adapted(bench, folder),
        load_predictor(folder, task=bench.task, device="cpu").network,
        getattr(transformers, bench.task.auto_class).from_pretrained(merged_folder(folder)),
    ):
        torch.testing.assert_close(logits(network, bench), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
@pytest.mark.parametrize("text", ["peft:IA3", "peft:LOHA,r=2", "peft:VERA,r=4"])
def test_stock_peft_loads_the_adapter_of_every_family(
    workbench: Callable[..., Any], family: str, text: str, tmp_path: Path
) -> None:
    bench = workbench(family, strategy=text, epochs=1, learning_rate=1e-2)
    start = logits(bench.network, bench)
    bench.run()
    expected = logits(bench.network, bench)
    assert not torch.allclose(expected, start, atol=1e-3)
    network = stock_adapted(bench, bench.save(tmp_path / "model"))
    torch.testing.assert_close(logits(network, bench), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_many_layers_survive_saving(workbench: Callable[..., Any], tmp_path: Path) -> None:
    """From 20 modules on peft shortens their names in the configuration, and IA3 would not find its own again."""
    bench = workbench(strategy="peft:IA3", layers=12, epochs=1, max_steps=1)
    bench.run()
    folder = bench.save(tmp_path / "model")
    assert len(json.loads((folder / "adapter_config.json").read_text())["target_modules"]) == 36
    torch.testing.assert_close(logits(stock_adapted(bench, folder), bench), logits(bench.network, bench))


def test_ia3_rescales_keys_values_and_the_inner_activations(workbench: Callable[..., Any], family: str) -> None:
    """The inner ones are as many as the feed-forward layer is wide; all others as many as the module puts out."""
    bench = workbench(family, strategy="peft:IA3")
    outputs, inputs = [], []
    for name, parameter in bench.network.named_parameters():
        if bench.anatomy.locate(name).part == "adapter":
            (outputs if parameter.shape[1] == 1 else inputs).append(parameter.numel())
    layers = bench.anatomy.num_layers
    assert inputs == [32] * layers
    assert outputs == ([48] * layers if family == "modernbert" else [16, 16] * layers)


def test_start_is_the_pretrained_network(workbench: Callable[..., Any]) -> None:
    plain = workbench()
    for text in ("peft:IA3", "peft:LOHA,r=2", "peft:OFT,oft_block_size=4", "peft:VERA,r=4"):
        bench = workbench(strategy=text)
        assert type(bench.network) is type(plain.network)
        torch.testing.assert_close(logits(bench.network, bench), logits(plain.network, plain))


def adapted_modules(bench: Any) -> set[str]:
    return {name for name, module in bench.network.named_modules() if hasattr(module, "base_layer")}


def test_modules_and_layers_can_be_chosen(workbench: Callable[..., Any]) -> None:
    layer = "bert.encoder.layer.{}.{}"
    everywhere = adapted_modules(workbench(strategy="peft:LOHA,r=2,target_modules=dense"))
    inside = ("attention.output.dense", "intermediate.dense", "output.dense")
    assert everywhere == {layer.format(i, name) for i in (0, 1) for name in inside}  # neither pooler nor head
    upper = adapted_modules(workbench(strategy="peft:LOHA,r=2,target_modules=query+value,layers_to_transform=1"))
    assert upper == {layer.format(1, f"attention.self.{name}") for name in ("query", "value")}
    both = adapted_modules(workbench(strategy="peft:LOHA,r=2,target_modules=query,layers_to_transform=0+1"))
    assert both == {layer.format(i, "attention.self.query") for i in (0, 1)}
    wide = workbench(strategy="peft:IA3,target_modules=key+dense,feedforward_modules=dense")
    shapes = {
        name.rsplit(".", 2)[0]: tuple(p.shape) for name, p in wide.network.named_parameters() if ".ia3_l." in name
    }
    assert shapes["bert.encoder.layer.1.attention.self.key"] == (16, 1)
    assert shapes["bert.encoder.layer.1.intermediate.dense"] == (1, 16)
    assert shapes["bert.encoder.layer.1.output.dense"] == (1, 32)


@pytest.mark.parametrize(("reason", "method"), [(reason, name) for reason, names in REFUSED.items() for name in names])
def test_a_refused_method_says_why(reason: str, method: str) -> None:
    with pytest.raises(StrategyError, match=f"^--strategy peft:{method.lower()}: peft:.*{reason}"):
        parse(f"peft:{method.lower()}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("peft", "name the method first, as in peft:IA3. Known: BEFT, .*IA3"),
        ("peft:r=4", "name the method first"),
        ("peft:LOAH", "peft has no such method. Did you mean LOHA?"),
        ("peft:LOHA,rank=4", "no setting 'rank'.*Known: .*r, alpha"),
        ("peft:LOHA,task_type=SEQ_CLS", "no setting 'task_type'"),
        ("peft:LOHA,r=4,r=5", "r is given twice"),
        ("peft:LOHA,r=four", "r=four: expected a whole number"),
        ("peft:LOHA=true", "name the method first"),
        ("peft:LOHA,layers_to_transform=a+b", "expected whole numbers joined with"),
        ("peft:GLORA,config_A_B=big", "config_A_B=big: expected lora or vector or constant or none"),
        ("peft:LOHA,r=4+lroa", "unknown strategy 'lroa'"),
    ],
)
def test_bad_settings_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse(text)


def test_settings_have_the_types_of_peft() -> None:
    text = "peft:loha,r=4,rank_dropout=0.1,use_effective_conv2d,init_weights=false,target_modules=query+key"
    strategy = parse(text + ",layers_to_transform=0+1")
    assert strategy.method == "LOHA"
    assert dict(strategy.settings) == {
        "r": 4,
        "rank_dropout": 0.1,
        "use_effective_conv2d": True,
        "init_weights": False,
        "target_modules": ("query", "key"),
        "layers_to_transform": (0, 1),
    }
    assert parse("peft:LOKR,init_weights=lycoris").settings == (("init_weights", "lycoris"),)
    assert parse("peft:ia3") == PeftMethod("IA3")
    assert parse("peft:LOHA,r=4") == PeftMethod("loha", (("r", 4),))


def test_a_range_gives_one_strategy_for_each_number() -> None:
    found = parse_strategies("peft:LOHA,r=1..3+freeze:first=1", STRATEGIES)
    assert [str(strategy) for strategy in found] == [f"peft:LOHA,r={r}+freeze:first=1" for r in (1, 2, 3)]


@given(
    st.sampled_from(["LOHA", "HIRA", "HRA"]),
    st.integers(1, 64),
    st.one_of(st.none(), st.lists(st.sampled_from(["query", "dense"]), min_size=1).map(tuple)),
    st.booleans(),
    st.floats(1e-6, 1.0),
)
def test_what_is_printed_can_be_typed(
    method: str, rank: int, targets: tuple[str, ...] | None, init: bool, rate: float
) -> None:
    settings: list[tuple[str, Any]] = [("r", rank), ("init_weights", init)]
    if targets is not None:
        settings.append(("target_modules", targets))
    strategy = PeftMethod(method, tuple(settings), rate)
    assert parse(str(strategy)) == strategy


def test_settings_in_python_are_checked_too() -> None:
    assert PeftMethod("LOHA", {"r": 4, "target_modules": ["query"]}) == parse("peft:LOHA,r=4,target_modules=query")  # type: ignore[arg-type]
    with pytest.raises(StrategyError, match="no setting rank"):
        PeftMethod("LOHA", (("rank", 4),))
    with pytest.raises(StrategyError, match="no such method"):
        PeftMethod("LOHAS")


@pytest.mark.parametrize(
    ("family_name", "text", "message"),
    [
        ("bert", "peft:LOHA,target_modules=query+q_lin", r"q_lin not in the layers of bert\. Modules there: .*query"),
        ("bert", "peft:IA3,feedforward_modules=lin2", "lin2 not in the layers of bert"),
        ("bert", "peft:LOHA,layers_to_transform=2", "this encoder has the layers 0 to 1"),
        ("albert", "peft:LOHA,layers_to_transform=0", "layers of albert share one set of weights"),
        ("bert", "peft:OFT,oft_block_size=5", r"Invalid `oft_block_size` \(5\)"),
        ("bert", "peft:BOFT,boft_block_size=4,boft_n_butterfly_factor=2", "Setting boft_n_butterfly_factor to 1"),
        ("bert", "peft:LOHA,target_modules=LayerNorm", "LayerNorm"),
        ("bert", "lora+peft:IA3", "one method of peft at a time"),
        (
            "distilbert",
            "adapter:placement=houlsby+peft:IA3,target_modules=out_lin,feedforward_modules=out_lin",
            "out_lin already has a bottleneck adapter",
        ),
        ("distilbert", "peft:LOHA,target_modules=out_lin+adapter:placement=houlsby", "out_lin already has an adapter"),
    ],
)
def test_what_a_network_cannot_have_is_refused(
    workbench: Callable[..., Any], family_name: str, text: str, message: str
) -> None:
    with pytest.raises(StrategyError, match=message):
        workbench(family_name, strategy=text)


def test_a_family_with_unknown_names_is_asked_for_modules() -> None:
    with torch.device("meta"):
        config = transformers.AutoConfig.for_model("xlnet", vocab_size=50, d_model=16, n_layer=2, n_head=2, d_inner=32)
        network = transformers.AutoModelForSequenceClassification.from_config(config)
    anatomy = take_anatomy(network)
    with pytest.raises(StrategyError, match=r"no default target modules for xlnet\. Give target_modules=.*layer_2"):
        parse("peft:LOHA").refuse(anatomy)
    with pytest.raises(StrategyError, match=r"feed-forward sub-layers of xlnet are not known.*feedforward_modules"):
        parse("peft:IA3,target_modules=layer_1").refuse(anatomy)
    parse("peft:LOHA,target_modules=layer_1").refuse(anatomy)
    parse("peft:IA3,target_modules=layer_2,feedforward_modules=layer_2").refuse(anatomy)


def test_peft_is_imported_for_its_own_strategy_only() -> None:
    code = """
import sys
from unfreeze.strategies import STRATEGIES
from unfreeze.strategies.parse import parse_strategies
parse_strategies("lora:r=4+freeze:first=1", STRATEGIES)
assert not {"peft", "torch"} & sys.modules.keys()
parse_strategies("peft:ia3", STRATEGIES)
assert "peft" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
