"""The bundled samples are neither trivial nor hopeless for the bundled encoder, and strategies differ on them."""

from __future__ import annotations

from pathlib import Path

import pytest

import unfreeze

# More epochs than by default for the small tagging samples: 420 sentences are 27 steps an epoch.
EPOCHS = {"emotion": 5, "ner": 15, "pos": 5}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sample", EPOCHS)
def test_full_fine_tuning_scores_between_hopeless_and_trivial(sample: str, tmp_path: Path) -> None:
    comparison = unfreeze.compare(
        model="minilm",
        data=f"sample:{sample}",
        strategy=["full:learning_rate=2e-4", "head"],
        seeds=1,
        epochs=EPOCHS[sample],
        early_stopping_patience=None,
        output=tmp_path / "out",
    )
    scores = {record.strategy.split(":")[0]: record.test[str(record.selection_metric)] for record in comparison.records}
    assert 0.55 <= scores["full"] <= 0.95
    assert scores["full"] - scores["head"] > 0.02
