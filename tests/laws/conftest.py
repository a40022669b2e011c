"""Every strategy of the table, with the settings the laws are tried on. A new strategy joins by itself."""

from __future__ import annotations

import pytest

from unfreeze.strategies import STRATEGIES

# Where the defaults are not enough, or more than one setting is worth a trial; any other strategy runs as it comes.
SETTINGS = {
    "head": ["head", "head:pooler=train"],
    "freeze": ["freeze:first=1", "freeze:first=2", "freeze:last=1", "freeze:alternating", "freeze:layers"],
    "lora": ["lora", "lora:r=2,lora_alpha=4,lora_dropout=0"],
}
SUMS = ["lora+freeze:first=1", "head:pooler=train+freeze:embeddings"]
INSTANCES = [text for name in STRATEGIES for text in SETTINGS.get(name, [name])] + SUMS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `strategy_text` runs once for each instance."""
    if "strategy_text" in metafunc.fixturenames:
        metafunc.parametrize("strategy_text", INSTANCES)
