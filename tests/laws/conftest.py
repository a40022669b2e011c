"""Every strategy of the table, with the settings the laws are tried on. A new strategy joins by itself."""

from __future__ import annotations

from typing import Any

import pytest

from unfreeze.strategies import STRATEGIES

# Where the defaults are not enough, or more than one setting is worth a trial; any other strategy runs as it comes.
SETTINGS = {
    "head": ["head", "head:pooler=train", "head:pooling=mean"],
    "freeze": ["freeze:first=1", "freeze:first=2", "freeze:last=1", "freeze:alternating", "freeze:layers"],
    "lora": ["lora", "lora:r=2,lora_alpha=4,lora_dropout=0", "lora:top=1,use_dora", "lora:use_rslora"],
    "peft": ["peft:IA3", "peft:VERA,r=4"],
    # On 16 numbers: a wider bottleneck than 1, and no unit that never fires.
    "adapter": [f"adapter:reduction_factor=4,non_linearity=tanh,placement={p}" for p in ("pfeiffer", "houlsby")],
    "reinit": ["reinit:top=1"],
    "gradual": ["gradual", "gradual:layers_per_epoch=2", "gradual:milestones=1"],
    "llrd": ["llrd:decay=0.5"],
    "discriminative": ["discriminative", "discriminative:embeddings=1e-4,encoder=3e-4,head=1e-3"],
    "distill": [],  # trains like `full`; what its teacher adds is in tests/experiments/test_distill.py
}
SUMS = [
    "lora+freeze:first=1",
    "head:pooler=train+freeze:embeddings",
    "lora+head:pooling=mean",
    "adapter:reduction_factor=4,non_linearity=tanh+freeze:first=1",
    "adapter:reduction_factor=4,non_linearity=tanh,placement=houlsby+layernorm",
    "lora+llrd",
    "lora+gradual",
    "lora+bitfit",
    "gradual+llrd",
    "bitfit+layernorm",
    "reinit:top=1+llrd",
    "two_stage+discriminative",
]
INSTANCES = [text for name in STRATEGIES for text in SETTINGS.get(name, [name])] + SUMS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `strategy_text` runs once for each instance."""
    if "strategy_text" in metafunc.fixturenames:
        metafunc.parametrize("strategy_text", INSTANCES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mean pooling is for heads that read one vector; tests/strategies/test_pooling.py has its refusal."""
    items[:] = [item for item in items if not _pools_tags(getattr(item, "callspec", None))]


def _pools_tags(call: Any) -> bool:
    values = getattr(call, "params", {})
    return (
        "pooling=mean" in str(values.get("strategy_text"))
        and values.get("task_name", "classification") != "classification"
    )
