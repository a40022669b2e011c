"""What is saved gives the outputs of what was trained; through stock classes it gives them or is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from unfreeze.inference.predictor import load_predictor
from unfreeze.models.save import merged_folder


def trained_and_saved(bench: Any, folder: Path) -> list[Path]:
    """Train for a moment, save, and name the folders written."""
    bench.run()
    bench.save(folder)
    return [one for one in (folder, merged_folder(folder)) if one.is_dir()]


def check(bench: Any, folder: Path) -> None:
    windows = bench.validation.encoded.features
    untrained = [p.detach().clone() for p in bench.network.parameters()]
    folders = trained_and_saved(bench, folder / "model")
    assert any(not torch.equal(a, b) for a, b in zip(untrained, bench.network.parameters(), strict=True))
    with torch.inference_mode():
        expected = bench.logits(windows)
        for saved in folders:
            network = load_predictor(saved, task=bench.task, device="cpu").network
            torch.testing.assert_close(bench.logits(windows, network), expected, rtol=1e-3, atol=1e-4)
    answers = [stock_answer(saved, bench) for saved in folders]
    for answer in answers:
        if answer is not None:
            torch.testing.assert_close(answer, expected, rtol=1e-3, atol=1e-4)
    is_stock = not hasattr(bench.network.config, "unfreeze_extensions")
    assert is_stock == any(answer is not None for answer in answers)


def stock_answer(folder: Path, bench: Any) -> torch.Tensor | None:
    """The logits a stock program would get from this folder; None if it refuses it."""
    try:
        network = getattr(transformers, bench.task.auto_class).from_pretrained(folder)
    except OSError:
        return None
    with torch.inference_mode():
        logits: torch.Tensor = bench.logits(bench.validation.encoded.features, network.eval())
    return logits


def test_every_strategy_on_every_task(
    workbench: Callable[..., Any], strategy_text: str, task_name: str, tmp_path: Path
) -> None:
    check(workbench("bert", task_name, strategy_text, epochs=1), tmp_path)


NOT_STOCK = [
    "adapter:reduction_factor=4",
    "adapter:reduction_factor=4,placement=houlsby",
    "head:pooling=mean",
    "lora:use_dora",
    "peft:IA3",
]


@pytest.mark.parametrize("text", NOT_STOCK)
def test_every_family_with_what_changes_the_network(
    workbench: Callable[..., Any], family: str, text: str, tmp_path: Path
) -> None:
    check(workbench(family, "classification", text, epochs=1), tmp_path)


@pytest.mark.parametrize("text", ["lora+head:pooling=mean", "adapter:reduction_factor=4+lora", "adapter+full"])
@pytest.mark.parametrize("model_type", ["bert", "modernbert"])
def test_sums_of_what_changes_the_network(
    workbench: Callable[..., Any], model_type: str, text: str, tmp_path: Path
) -> None:
    check(workbench(model_type, "classification", text, epochs=1), tmp_path)
