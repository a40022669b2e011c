"""What is concluded from a folder: pairs, what is left out, and folders where little or nothing finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.conclude import conclude
from unfreeze.storage.records import RECORD_FILE
from unfreeze.tasks import TASKS

SIZES = {"train": 400, "validation": 60, "news": 60}
LEFT_OUT = "predicts joy for every text"


def test_pairs_within_a_model_on_validation_and_the_main_test_set(folder: Any) -> None:
    for model, wrong in (("bert", 0.5), ("roberta", 0.7)):
        for seed in range(3):
            folder.add("full", 0.02, seed, model_name=model)
            folder.add("head", wrong, seed, model_name=model)
    done = folder.conclude(margin=0.03, alpha=0.02)
    pairs = done.summary["comparisons"]
    assert [(one["model_name"], one["split"], one["a"], one["b"]) for one in pairs] == [
        (model, split, "full", "head") for model in ("bert", "roberta") for split in ("validation", "test")
    ]
    assert all(one["verdict"] == "better" and one["margin"] == 0.03 for one in pairs)
    assert [one["difference"] for one in pairs] == pytest.approx([0.48, 0.48, 0.68, 0.68], abs=0.01)
    assert (done.summary["margin"], done.summary["alpha"]) == (0.03, 0.02)
    assert done.recommended == "full" and done.summary["recommendation"]["what_would_change"] is not None


def test_the_level_of_a_look_reaches_the_verdicts(folder: Any) -> None:
    folder.add("full", 0.10)
    folder.add("head", 0.19)
    p_value = folder.conclude().summary["comparisons"][0]["p_value"]
    assert 0 < p_value < 0.05
    assert folder.conclude(alpha=p_value * 1.01).summary["comparisons"][0]["verdict"] == "better"
    assert folder.conclude(alpha=p_value * 0.99).summary["comparisons"][0]["verdict"] == "not enough data"


def test_the_margin_reaches_the_recommendation(folder: Any) -> None:
    folder.add("full", 0.05, flops=9e9)
    folder.add("head", 0.10, flops=1e9)
    assert folder.conclude(margin=0.001).recommended == "full"
    assert folder.conclude(margin=0.2).recommended == "head"


def test_runs_that_learnt_nothing_are_left_out(folder: Any) -> None:
    folder.add("full", 0.1)
    folder.add("lora", said=["joy"] * 120, degenerate=LEFT_OUT)
    done = folder.conclude()
    assert done.summary["comparisons"] == [] and done.recommended == "full"
    assert any(
        "lora: 1 of 1 runs left out" in one and LEFT_OUT in one for one in done.summary["recommendation"]["reasons"]
    )
    assert done.summary["pareto"]["fit_seconds"] == ["full"]


def test_where_all_learnt_nothing_none_is_recommended_but_the_best_can_be_used(folder: Any) -> None:
    folder.add("full", said=["sadness"] * 60 + ["joy"] * 60, degenerate=LEFT_OUT)
    best = folder.add("lora", 0.1, degenerate=LEFT_OUT)
    done = folder.conclude(texts_of=folder.texts_of)
    assert done.recommended is None and done.best == best
    assert done.summary["disagreements"] is None and done.summary["time_to_quality"] is None


def test_records_of_older_versions_are_judged_by_their_predictions(folder: Any) -> None:
    for strategy, said in (("full", None), ("lora", ["joy"] * 120)):
        record = folder.add(strategy, said=said) / RECORD_FILE
        values = json.loads(record.read_text())
        del values["degenerate"], values["num_layers"]
        record.write_text(json.dumps(values))
    done = folder.conclude()
    assert {record.strategy: record.degenerate for record in done.records} == {"full": None, "lora": LEFT_OUT}
    assert done.recommended == "full" and done.summary["comparisons"] == []


def test_a_folder_without_a_finished_run(folder: Any) -> None:
    folder.add("full", status="failed", error="OSError: gone", validation={}, model=None, selection_metric=None)
    folder.add("head", status="diverged", error="loss is nan", validation={}, model=None)
    summary = folder.conclude(texts_of=folder.texts_of, train_labels=folder.gold).summary
    assert summary["recommendation"]["strategy"] is None
    assert (summary["comparisons"], summary["sweep"], summary["data_sizes"], summary["pareto"]) == ([], [], [], {})
    assert [summary[key] for key in ("time_to_quality", "baseline", "disagreements", "label_suspects")] == [None] * 4
    assert [run["status"] for run in summary["runs"]] == ["failed", "diverged"]
    assert not (folder.output / "best").exists()


def test_an_empty_folder(folder: Any) -> None:
    folder.output.mkdir()
    summary = folder.conclude().summary
    assert summary["runs"] == [] and summary["selection_metric"] is None and summary["task"] is None


def test_one_strategy_beside_runs_that_failed(folder: Any) -> None:
    folder.add("full", 0.1)
    folder.add("full", seed=1, status="failed", error="OSError: gone", validation={}, model=None)
    done = folder.conclude(texts_of=folder.texts_of)
    assert done.recommended == "full" and done.summary["comparisons"] == [] and done.summary["disagreements"] == []
    assert done.best == folder.output / Path(str(done.records[0].model)).parent


def test_without_pairs_it_is_cheap_and_can_be_used(folder: Any) -> None:
    folders = [folder.add(strategy) for strategy in ("full", "freeze:first=3", "head")]
    for one in folders:
        (one / "predictions.jsonl").unlink()  # what is not there cannot have been read
    done = folder.conclude(pairs=False, texts_of=folder.texts_of, extra={"plan": [{"strategy": "full"}]})
    assert done.summary["comparisons"] == [] and done.recommended is not None and done.best in folders
    assert done.summary["disagreements"] is None and done.summary["label_suspects"] is None
    [sweep] = done.summary["sweep"]
    assert len(sweep["points"]) == 3 and sweep["answer"] is None
    assert done.summary["plan"] == [{"strategy": "full"}] and list(done.summary)[-2:] == ["notes", "runs"]


def test_a_metric_that_cannot_be_resampled(folder: Any) -> None:
    for strategy, wrong in (("full", 0.1), ("freeze:first=3", 0.2), ("head", 0.3)):
        folder.add(strategy, wrong, selection_metric="mcc")
    summary = folder.conclude(train_labels=folder.gold).summary
    assert summary["comparisons"] == [] and summary["baseline"] is None
    assert summary["notes"][0] == "a note" and summary["notes"][1].startswith("mcc: no pairwise tests")
    assert summary["sweep"][0]["answer"]["strategy"] is None and summary["disagreements"]


def of_hidden_tokens(tagged: Any, task: str, **vocabularies: str) -> Any:
    """The conclusion from runs of models with these vocabularies; the last model scores best."""
    metric = "balanced_accuracy" if task == "replaced-token" else "accuracy"
    for place, (model, vocabulary) in enumerate(vocabularies.items()):
        for strategy, wrong in (("full", 0.1), ("head", 0.5)):
            values = {"validation": {metric: 1 - wrong + 0.05 * place}, "selection_metric": metric}
            tagged.add(strategy, wrong, model_name=model, vocabulary_sha256=vocabulary, task=task, **values)
    return conclude(tagged.output, {"sizes": SIZES}, ["a note"], TASKS[task])


@pytest.mark.parametrize("task", ["masked-lm", "translation-lm", "replaced-token"])
def test_models_that_hide_different_tokens_are_not_compared(tagged: Any, task: str) -> None:
    assert of_hidden_tokens(tagged, task, bert="a").recommended == "full"
    assert (tagged.output / "best").exists()
    summary = of_hidden_tokens(tagged, task, bert="a", roberta="b").summary
    found = summary["recommendation"]
    assert (found["strategy"], found["model_name"]) == (None, None)
    assert "the vocabularies of the models differ, so different tokens are hidden from each" in found["reasons"][0]
    assert summary["notes"][0] == "a note" and summary["notes"][-1] == found["reasons"][0]
    assert [reason.split(" ")[:2] for reason in found["reasons"][1:] if "best" in reason] == [
        ["bert:", "full"],
        ["roberta:", "full"],
    ]
    assert summary["pareto"] is None and summary["time_to_quality"] is None
    assert not (tagged.output / "best").exists()


def test_models_of_one_vocabulary_are_compared(tagged: Any) -> None:
    done = of_hidden_tokens(tagged, "masked-lm", bert="a", another="a")
    assert done.summary["recommendation"]["model_name"] == "another" and done.recommended == "full"


def test_labels_are_the_same_for_every_vocabulary(folder: Any) -> None:
    folder.add("full", 0.1, model_name="bert", vocabulary_sha256="a")
    folder.add("full", 0.3, model_name="roberta", vocabulary_sha256="b")
    assert folder.conclude().summary["recommendation"]["model_name"] == "bert"
