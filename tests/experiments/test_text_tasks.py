"""Several labels, numbers and long texts through a whole comparison, and through the stock pipeline afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

import unfreeze
from unfreeze.experiments.conclude import Comparison
from unfreeze.storage.records import read_predictions


@pytest.fixture(scope="module")
def compared(
    family_folder: Callable[..., str],
    make_examples_of: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Comparison]:
    def make(task: str, **changes: Any) -> Comparison:
        output = tmp_path_factory.mktemp(task) / "out"
        sizes = {"train": 48, "validation": 16, "test": 20}
        data = {split: list(make_examples_of(task, size, seed)) for seed, (split, size) in enumerate(sizes.items())}
        data["validation"] = data["train"][:16]  # learning is to be seen, not generalising from so few
        values = {
            "strategy": ["full:learning_rate=1e-2", "freeze:first=1,learning_rate=1e-2"],
            "seeds": 2,
            "epochs": 15,
        }
        values |= {"early_stopping_patience": None, "plan": False, "precision": "fp32"}
        values |= {"per_device_train_batch_size": 8, "max_length": 48}
        return unfreeze.compare(model=family_folder("bert"), data=data, output=output, **(values | changes))

    return make


def folder_of(comparison: Comparison) -> Path:
    record = next(one for one in comparison.records if one.strategy.startswith("full"))
    return (comparison.output / str(record.model)).parent


def test_several_labels(compared: Callable[..., Comparison]) -> None:
    done = compared("multi-label")
    assert done.summary["selection_metric"] == "micro_f1" and done.summary["baseline"] is None
    assert max(record.validation["micro_f1"] for record in done.records) > 0.5, "nothing was learnt"
    assert {pair["metric"] for pair in done.summary["comparisons"]} == {"micro_f1"}
    assert all(isinstance(one["gold"], str) for one in done.summary["disagreements"])
    folder = folder_of(done)
    pipeline = transformers.pipeline("text-classification", str(folder / "model"), top_k=None)
    for text in ("we saw rage and tears", "a happy day"):
        stock = [one for one in pipeline([text])[0] if one["score"] >= 0.5]
        [ours] = unfreeze.predict(folder, text)
        assert [one["label"] for one in ours] == [one["label"] for one in stock]
        assert [one["score"] for one in ours] == pytest.approx([one["score"] for one in stock], abs=1e-5)


def test_numbers_of_pairs(compared: Callable[..., Comparison]) -> None:
    done = compared("regression")
    assert done.summary["selection_metric"] == "pearson" and done.summary["disagreements"] == []
    assert max(record.validation["pearson"] for record in done.records) > 0.5, "nothing was learnt"
    assert {pair["metric"] for pair in done.summary["comparisons"]} == {"pearson"}
    folder = folder_of(done)
    pair = {"text": "we saw a happy smile", "text_pair": "the house"}
    pipeline = transformers.pipeline("text-classification", str(folder / "model"))
    [ours], stock = unfreeze.predict(folder, [pair]), pipeline(pair, function_to_apply="none")
    assert ours["label"] == stock["label"] == "value"
    assert ours["score"] == pytest.approx(stock["score"], abs=1e-5)
    assert isinstance(read_predictions(folder, "test")[0]["predicted"], float)
    with pytest.raises(unfreeze.SettingsError, match="Higher must be better"):
        compared("regression", metric_for_best_model="mse")


def test_long_texts_are_read_as_asked(compared: Callable[..., Comparison]) -> None:
    shares = {}
    for long_text in ("truncate", "window_mean"):
        done = compared("classification", max_length=8, long_text=long_text, strategy=["head"], seeds=1, epochs=1)
        shares[long_text] = done.summary["data"]["reading"]["train"]
        assert unfreeze.load(folder_of_first(done)).task.long_text == long_text
    assert shares["truncate"]["truncated_examples"] > 0 == shares["truncate"]["examples_in_several_windows"]
    assert shares["window_mean"]["truncated_examples"] == 0 < shares["window_mean"]["examples_in_several_windows"]
    assert shares["window_mean"]["windows"] > shares["window_mean"]["examples"] == 48


def folder_of_first(comparison: Comparison) -> Path:
    return (comparison.output / str(comparison.records[0].model)).parent
