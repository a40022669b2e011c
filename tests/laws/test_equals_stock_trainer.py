"""With dropout 0 the loop does what the stock transformers Trainer does, step by step, and peft's LoRA with it.

Both start from the same weights and see the same 100 batches. Dropout is off because the two draw it differently, and
because the stock Trainer keeps it alive in frozen layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.acceleration.speedups import OFF, Speedups
from unfreeze.experiments.stock_trainer import stock_batches, stock_training

STEPS, EPOCHS, BATCH = 100, 10, 8
LEARNING_RATE, WARMUP = 1e-3, 0.1
# The softmax does not see a shift of all keys, so the true gradient of their bias is zero. AdamW makes steps of the
# rounding noise that is left; the outputs, compared below, do not change with it. The same holds for what is added to
# the starts of an answer, or to its ends, at every place, and for what is added to what the last of two layers gives.
WITHOUT_GRADIENT = ("key.bias", "qa_outputs.bias")
QUESTIONS_WITHOUT_GRADIENT = "layer.1.output.LayerNorm.bias"


def stock_network(bench: Any, strategy: str) -> Any:
    """A network of its own with the weights of ours; LoRA as peft's users write it."""
    from copy import deepcopy

    if strategy != "lora":
        network = deepcopy(bench.network)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(bench.trainables.trains(name, 0))
        return network
    return stock_lora(bench)


def stock_lora(bench: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    base = type(bench.network)(bench.network.config)
    questions = bench.task.name == "question-answering"
    untyped = {"modules_to_save": ["qa_outputs"]} if questions else {}
    config = LoraConfig(
        task_type=bench.task.peft_type,
        r=8,
        lora_alpha=32,
        lora_dropout=0.0,
        target_modules=["query", "key", "value"],
        **untyped,
    )
    network = get_peft_model(base, config)
    for name, parameter in network.named_parameters():
        if ".cls." in name:  # peft has no way to say that a language model's head trains without its matrix
            parameter.requires_grad_(True)
    parameters = dict(network.named_parameters())
    copied = set()
    with torch.no_grad():
        for name, parameter in bench.network.named_parameters():
            theirs = stock_lora_name(name)
            parameters[theirs].copy_(parameter)
            copied.add(theirs)
    left = {name for name in parameters.keys() - copied if "original_module" not in name}
    assert not left, f"weights without a partner: {left}"
    return network


def stock_lora_name(name: str) -> str:
    """get_peft_model wraps the network and trains a copy of the head."""
    for head in ("classifier.", "qa_outputs."):
        if name.startswith(head):
            name = name.replace(head, f"{head}modules_to_save.default.")
    return f"base_model.model.{name}"


def test_a_run_equals_the_stock_trainer(workbench: Callable[..., Any], task_name: str, tmp_path: Path) -> None:
    equals_the_stock_trainer(workbench, "full", task_name, tmp_path)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft 0.21 with transformers 5.23
@pytest.mark.parametrize("strategy", ["head", "freeze:first=1", "lora"])
def test_what_trains_a_part_equals_the_stock_trainer(
    workbench: Callable[..., Any], strategy: str, task_name: str, tmp_path: Path
) -> None:
    equals_the_stock_trainer(workbench, strategy, task_name, tmp_path)


def equals_the_stock_trainer(workbench: Callable[..., Any], strategy: str, task_name: str, folder: Path) -> None:
    """The plain path and the fast one, with one training of theirs."""
    text = "lora:lora_dropout=0" if strategy == "lora" else strategy
    if task_name == "replaced-token":
        pytest.skip("transformers has no network with both generator and discriminator")
    # The stock head takes padding for places where an answer may begin; one window at a time there is none.
    size = 1 if task_name == "question-answering" else BATCH
    make = partial(
        workbench,
        "bert",
        task_name,
        text,
        dropout=0.0,
        examples=STEPS // EPOCHS * size,
        epochs=EPOCHS,
        max_steps=STEPS,
        per_device_train_batch_size=size,
        learning_rate=LEARNING_RATE,
        warmup_steps=WARMUP,
        eval_strategy="steps",
        eval_steps=STEPS,  # one evaluation, at the end: the last weights are the selected ones
    )
    bench = make(speedups=OFF)
    theirs, trainer = stock_network(bench, strategy), bench.trainer()
    their_losses = stock_training(
        theirs, stock_batches(trainer, bench.train.encoded.features), trainer, folder / "stock"
    )
    for ours in (bench, make(speedups=Speedups())):
        follows(ours, theirs, their_losses, strategy)


def follows(bench: Any, theirs: Any, their_losses: list[float], strategy: str) -> None:
    """Train ours, and compare losses, weights and outputs."""
    start = bench.state()
    result = bench.run()
    assert result.state.step == len(bench.losses) == len(their_losses) == STEPS
    loss_deviation = max(abs(a - b) for a, b in zip(bench.losses, their_losses, strict=True))
    their_weights = {name: parameter.detach() for name, parameter in theirs.named_parameters()}
    weight_deviation = moved = 0.0
    for name, ours in bench.state().items():
        partner = their_weights[stock_lora_name(name) if strategy == "lora" else name]
        questions = bench.task.name == "question-answering"
        if not name.endswith(WITHOUT_GRADIENT) and not (questions and name.endswith(QUESTIONS_WITHOUT_GRADIENT)):
            weight_deviation = max(weight_deviation, float((ours - partner).abs().max()))
        moved = max(moved, float((ours - start[name]).abs().max()))
    theirs.eval()
    windows = bench.validation.encoded.features
    with torch.no_grad():
        ours, stock = bench.logits(windows), bench.logits(windows, theirs)
        if bench.task.name == "question-answering":
            ours, stock = ours - ours[:, :1], stock - stock[:, :1]  # only differences between places say something
        output_deviation = float((ours - stock).abs().max())
    assert moved > 1e-2, "hardly trained: equality would prove nothing"
    assert loss_deviation < 1e-4
    assert weight_deviation < 1e-5
    assert output_deviation < 1e-5
