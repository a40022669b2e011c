"""Counted operations equal those torch sees, and frozen layers cost less.

Compared are the matrix products of one training step (forward and backward), which is what `torch.utils.flop_counter`
counts too, on windows of one length (we do not count padding, torch does) and with eager attention (the fused kernel of
the CPU is not in torch's table).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.batching.window_file import token_counts
from unfreeze.models.anatomy import take_anatomy
from unfreeze.strategies import STRATEGIES, StrategyError
from unfreeze.strategies.parse import parse_strategies
from unfreeze.tasks import TASKS
from unfreeze.training.criterion import Criterion
from unfreeze.training.flops import StepCost, step_cost
from unfreeze.training.parameters import Trainables
from unfreeze.training.run_costs import RunCosts
from unfreeze.training.timetable import Timetable

TOLERANCE = 1e-3
# Methods of peft with a backward pass written by hand, or through more than products (a solved system, a wavelet
# transform): of those we see what the forward pass shows.
OWN_BACKWARD = ("peft:BOFT", "peft:FROD", "peft:LOHA", "peft:OSF", "peft:RANDLORA", "peft:WAVEFT")
OWN_BACKWARD_TOLERANCE = 0.25
FAMILIES_OF_EVERY_STRATEGY = ("bert", "distilbert", "modernbert", "albert")


def windows_of(bench: Any, lengths: list[int]) -> list[Features]:
    """Windows of these lengths, made of one token."""
    rng = Random(0)
    return [
        Features(
            i,
            [5] * length,
            bench.task.random_labels(rng, length, bench.network.config.num_labels),
            list(range(length)),
        )
        for i, length in enumerate(lengths)
    ]


def counted_by_torch(bench: Any, windows: list[Features]) -> float:
    bench.trainables.apply(bench.network, 0)
    bench.trainables.set_modes(bench.network, 0, frozen_dropout=False)
    with FlopCounterMode(display=False) as counter:
        batch = bench.collator(windows)
        loss, units = bench.task.loss(bench.network(**batch.inputs), batch)
        (loss / units).backward()
    return float(counter.get_total_flops())


def cost_of(bench: Any) -> StepCost:
    bench.trainables.apply(bench.network, 0)
    return step_cost(bench.network, bench.anatomy, bench.collator(windows_of(bench, [3])))


def counted_by_us(bench: Any, windows: list[Features]) -> float:
    return cost_of(bench).of([len(window) for window in windows])


def assert_equal_counts(bench: Any, lengths: list[int], tolerance: float = TOLERANCE) -> None:
    windows = windows_of(bench, lengths)
    assert counted_by_us(bench, windows) == pytest.approx(counted_by_torch(bench, windows), rel=tolerance)


def tolerance_of(strategy_text: str) -> float:
    return OWN_BACKWARD_TOLERANCE if strategy_text.startswith(OWN_BACKWARD) else TOLERANCE


def bench_for_counting(workbench: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        bench = workbench(*arguments, **options)
    except StrategyError as refusal:
        pytest.skip(str(refusal))
    bench.network.set_attn_implementation("eager")
    return bench


@dataclass
class RealisticBench:
    """Two layers in the shape of a MiniLM, hidden 384 with 12 heads; a small vocabulary, which costs no products."""

    network: Any
    anatomy: Any
    trainables: Trainables
    task: Any
    collator: Collator


def realistic_bench(family: str, task_name: str, strategy_text: str) -> RealisticBench:
    sizes = {"hidden_size": 384, "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": 1536}
    if family == "distilbert":
        sizes = {"dim": 384, "n_layers": 2, "n_heads": 12, "hidden_dim": 1536}
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    task = TASKS[task_name]()
    num_labels = 17 if task.has_labels else 2
    config = transformers.AutoConfig.for_model(family, vocab_size=50, num_labels=num_labels, **sizes, **special)
    network = getattr(transformers, task.auto_class).from_config(config, attn_implementation="eager")
    task.attach(network, SimpleNamespace(mask_token_id=4), 0)  # type: ignore[arg-type]
    anatomy = take_anatomy(network)
    [strategy] = parse_strategies(strategy_text, STRATEGIES)
    try:
        strategy.refuse(anatomy)
        strategy.adapt(network, anatomy)
    except StrategyError as refusal:
        pytest.skip(str(refusal))
    trainables = Trainables(strategy, anatomy, frozenset(), strategy.epochs)
    return RealisticBench(network, anatomy, trainables, task, Collator(0, token_labels=task.token_labels))


@pytest.mark.parametrize("lengths", [[12] * 4, [3], [40] * 2])
def test_full_fine_tuning_equals_torchs_count(
    workbench: Callable[..., Any], task_name: str, lengths: list[int]
) -> None:
    assert_equal_counts(bench_for_counting(workbench, "bert", task_name, layers=3), lengths)


def test_every_family_equals_torchs_count(workbench: Callable[..., Any], family: str, task_name: str) -> None:
    assert_equal_counts(bench_for_counting(workbench, family, task_name), [12] * 4)


@pytest.mark.parametrize("model_type", FAMILIES_OF_EVERY_STRATEGY)
def test_every_strategy_equals_torchs_count(
    workbench: Callable[..., Any], strategy_text: str, task_name: str, model_type: str
) -> None:
    bench = bench_for_counting(workbench, model_type, task_name, strategy_text)
    assert_equal_counts(bench, [12] * 4, tolerance_of(strategy_text))


@pytest.mark.slow
def test_every_strategy_equals_torchs_count_in_a_realistic_shape_on_every_task(
    strategy_text: str, task_name: str
) -> None:
    assert_equal_counts(realistic_bench("bert", task_name, strategy_text), [64] * 2, tolerance_of(strategy_text))


def test_every_strategy_equals_torchs_count_in_a_realistic_shape(strategy_text: str) -> None:
    """Tasks differ in the head's products only: those with each of them are slow tests."""
    bench = realistic_bench("bert", "classification", strategy_text)
    assert_equal_counts(bench, [64] * 2, tolerance_of(strategy_text))


@pytest.mark.parametrize("model_type", FAMILIES_OF_EVERY_STRATEGY[1:])
def test_other_families_equal_torchs_count_in_a_realistic_shape(model_type: str, task_name: str) -> None:
    assert_equal_counts(realistic_bench(model_type, task_name, "full"), [64] * 2)


def test_products_that_are_not_of_linear_layers_count() -> None:
    """XLNet multiplies by `einsum` throughout."""
    config = transformers.AutoConfig.for_model("xlnet", vocab_size=50, d_model=32, n_layer=2, n_head=2, d_inner=64)
    network = transformers.AutoModelForSequenceClassification.from_config(config)
    batch = Collator(0)([Features(i, [5] * 12, [0]) for i in range(3)])
    with FlopCounterMode(display=False) as counter:
        network(**batch.inputs).logits.sum().backward()
    anatomy: Any = None
    assert step_cost(network, anatomy, batch).of([12] * 3) == pytest.approx(counter.get_total_flops(), rel=TOLERANCE)


def test_what_the_loss_does_not_read_has_no_backward_pass(workbench: Callable[..., Any]) -> None:
    bench = bench_for_counting(workbench)
    before = cost_of(bench).parts([12])
    aside = torch.nn.Linear(16, 100)
    bench.network.bert.encoder.register_forward_hook(lambda module, args, output: (aside(output[0]), None)[1])
    with_aside = cost_of(bench).parts([12])
    assert with_aside.forward == before.forward + 12 * 2 * 16 * 100
    assert with_aside.input_gradients == before.input_gradients
    assert with_aside.weight_gradients == before.weight_gradients
    assert_equal_counts(bench, [12] * 4)


def test_additions_in_place_do_not_hide_a_product(workbench: Callable[..., Any]) -> None:
    """As some adapters do to the result of the layer they hang on."""
    bench = bench_for_counting(workbench)
    before = cost_of(bench)
    query = bench.network.bert.encoder.layer[0].attention.self.query
    query.register_forward_hook(lambda module, args, output: output.add_(args[0]))
    assert cost_of(bench) == before
    assert_equal_counts(bench, [12] * 4)


def test_einsum_with_unnamed_axes_counts() -> None:
    """(2, windows, 5, 3) by (5, 3, 4), the axes before the last two unnamed and aligned on the right."""

    class Unnamed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(5, 3, 4))

        def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor]:
            windows = len(input_ids)
            inputs = torch.ones(2, windows, 5, 3)
            return (torch.einsum("...rk,rkc->...rc", inputs, self.weight),)

    batch = Collator(0)([Features(0, [5, 5], [0])])
    batch.inputs.pop("attention_mask")
    anatomy: Any = None
    parts = step_cost(Unnamed(), anatomy, batch).parts([2, 2, 2])
    products = 2 * 2 * 3 * 5 * 3 * 4
    assert (parts.forward, parts.input_gradients, parts.weight_gradients) == (products, 0, products)


def test_fused_attention_counts_as_its_products(workbench: Callable[..., Any], family: str) -> None:
    bench = bench_for_counting(workbench, family)
    eager = cost_of(bench)
    bench.network.set_attn_implementation("sdpa")
    assert cost_of(bench) == eager


def test_a_layer_costs_what_the_formula_says(workbench: Callable[..., Any]) -> None:
    """2 (4 h^2 + 2 h i) a token for each of the three kinds, and for attention 4 s^2 h forward, 8 s^2 h backward."""
    hidden, intermediate, length = 16, 32, 12
    four, three = (cost_of(workbench(layers=layers)).parts([length]) for layers in (4, 3))
    linear = length * 2 * (4 * hidden**2 + 2 * hidden * intermediate)
    attention = 4 * length**2 * hidden
    assert four.forward - three.forward == linear + attention
    assert four.input_gradients - three.input_gradients == linear + 2 * attention
    assert four.weight_gradients - three.weight_gradients == linear


def test_the_parts_add_up(workbench: Callable[..., Any], strategy_text: str) -> None:
    cost = cost_of(bench_for_counting(workbench, strategy=strategy_text))
    parts = cost.parts([3, 12, 7])
    assert parts.forward + parts.input_gradients + parts.weight_gradients == parts.total == cost.of([3, 12, 7])
    assert min(parts.forward, parts.input_gradients, parts.weight_gradients) >= 0 < parts.weight_gradients


def test_windows_cost_the_same_alone_and_together(workbench: Callable[..., Any], task_name: str) -> None:
    cost = cost_of(workbench("bert", task_name))
    assert cost.of([3, 12, 7]) == sum(cost.of([length]) for length in (3, 12, 7))


def test_freezing_more_costs_less(workbench: Callable[..., Any], task_name: str) -> None:
    costs = []
    for text in ("freeze:first=0", "freeze:embeddings", *(f"freeze:first={k}" for k in (1, 2, 3)), "head"):
        bench = workbench("bert", task_name, text, layers=3)
        costs.append(counted_by_us(bench, windows_of(bench, [12] * 4)))
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) >= 5
    generator = task_name == "replaced-token"  # which trains with whatever trains, and costs as much as a layer
    assert costs[-1] < (0.6 if generator else 0.4) * costs[0]


def test_freezing_upper_layers_spares_only_weight_gradients(workbench: Callable[..., Any]) -> None:
    bottom, top, full = (
        cost_of(workbench(strategy=text, layers=4)).parts([12] * 4)
        for text in ("freeze:first=2", "freeze:last=2", "full")
    )
    assert bottom.total < top.total < full.total
    assert bottom.forward == top.forward == full.forward
    assert bottom.input_gradients < top.input_gradients == full.input_gradients
    assert bottom.weight_gradients == top.weight_gradients < full.weight_gradients


def test_a_frozen_encoder_passes_no_gradient(workbench: Callable[..., Any], family: str) -> None:
    encoder_has_none = cost_of(workbench(family, "tagging", "head")).parts([12])
    full = cost_of(workbench(family, "tagging", "full")).parts([12])
    assert encoder_has_none.forward == full.forward
    assert encoder_has_none.input_gradients < 0.05 * full.input_gradients


def test_a_run_adds_up_its_steps(workbench: Callable[..., Any]) -> None:
    bench = workbench(epochs=2)
    per_epoch = step_cost(bench.network, bench.anatomy, bench.collator(bench.train.encoded.features[:8]))
    lengths = [len(window) for window in bench.train.encoded.features]
    assert bench.run().state.flops == pytest.approx(2 * per_epoch.of(lengths), rel=1e-9)


def test_a_plan_counts_what_the_run_will(workbench: Callable[..., Any], strategy_text: str) -> None:
    """Epoch by epoch, also where the last one is not whole and where the loss costs something beside the network."""

    @dataclass(frozen=True)
    class Costly(Criterion):
        def operations(self, tokens: Sequence[int]) -> float:
            return 1e6 * sum(tokens)

    bench = workbench(strategy=strategy_text, epochs=3, max_steps=8)
    features, criterion = bench.train.encoded.features, Costly(bench.task)
    costs = RunCosts(bench.network, bench.trainables, bench.collator, criterion, 0)
    planned = costs.of_run(features[0], token_counts(features), Timetable(bench.options, len(features)))
    result = bench.trainer(criterion=criterion).train(features)
    assert result.state.step == 8 and result.state.tokens > 0
    assert planned == pytest.approx(result.state.flops, rel=1e-9)


def test_counting_leaves_no_trace(workbench: Callable[..., Any], family: str) -> None:
    """Neither hooks, nor gradients, nor modes, nor a moved random generator; and it is the same again."""
    bench = workbench(family, strategy="freeze:layers", dropout=0.5)
    bench.trainables.apply(bench.network, 0)
    bench.trainables.set_modes(bench.network, 0, frozen_dropout=False)
    flags = [parameter.requires_grad for parameter in bench.network.parameters()]
    modes = [module.training for module in bench.network.modules()]
    state, random_state = bench.state(), torch.get_rng_state()
    first = step_cost(bench.network, bench.anatomy, bench.collator(windows_of(bench, [12])))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not any(module._forward_hooks for module in bench.network.modules())
    assert all(parameter.grad is None for parameter in bench.network.parameters())
    assert flags == [parameter.requires_grad for parameter in bench.network.parameters()]
    assert modes == [module.training for module in bench.network.modules()]
    assert all(torch.equal(tensor, state[name]) for name, tensor in bench.state().items())
    assert first == step_cost(bench.network, bench.anatomy, bench.collator(windows_of(bench, [12])))
