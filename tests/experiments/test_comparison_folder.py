"""What a comparison leaves behind: the files, the keys, and numbers that agree with each other."""

from __future__ import annotations

import math
import types
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
import sklearn.metrics as sk
import torch
from seqeval.metrics import f1_score, precision_score, recall_score

from unfreeze.experiments.conclude import Comparison
from unfreeze.reports.document import write_report
from unfreeze.storage.lines import read_lines
from unfreeze.storage.records import RunRecord, find_runs, read_comparison, read_predictions, read_record

SIZES = {"train": 36, "validation": 15, "test": 18, "news": 9}
RUN_FILES = {"record.json", "metrics.jsonl", "predictions.jsonl"}
MODEL_FILES = {"README.md", "config.json", "tokenizer.json", "tokenizer_config.json"}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def runs_of(comparison: Comparison) -> list[tuple[Path, RunRecord]]:
    return [(folder, read_record(folder)) for folder in find_runs(comparison.output)]


def test_a_run_leaves_exactly_these_files(comparison: Comparison) -> None:
    assert len(find_runs(comparison.output)) == 4
    for folder, record in runs_of(comparison):
        expected = RUN_FILES | {f"model/{name}" for name in MODEL_FILES}
        if record.strategy == "full":
            expected.add("model/model.safetensors")
        else:
            expected |= {"model/adapter_config.json", "model/adapter_model.safetensors"}
            expected |= {f"model-merged/{name}" for name in MODEL_FILES | {"model.safetensors"}}
        assert files(folder) == expected
        assert folder.parent.parent == comparison.output / "runs" / "bert-2-AutoModel"
        slug, _, digest = folder.parent.name.rpartition("-")
        assert slug == {"full": "full", "lora:r=2": "lora-r-2"}[record.strategy] and len(digest) == 6
        assert folder.name == f"seed-{record.seed}"


def test_the_folder_holds_what_the_design_lists_and_nothing_else(comparison: Comparison) -> None:
    page = write_report(comparison.output)
    assert page == comparison.output / "report" / "index.html"
    around = {name for name in files(comparison.output) if not name.startswith("runs/")}
    figures = {name for name in around if name.startswith("report/figures/")}
    tables = {name for name in around if name.startswith("report/tables/")}
    expected = {"settings.yaml", "environment.json", "comparison.json", "leaderboard.csv", "leaderboard.md", "best"}
    expected |= {"report/index.html", "report/report.md"}
    assert around - figures - tables == expected | {"identity.json", "journal.jsonl", ".lock"}
    assert {"report/tables/leaderboard.tex", "report/tables/labels.tex"} <= tables
    assert figures and {Path(name).suffix for name in figures} == {".png", ".svg"}


def test_best_names_the_best_run_of_the_recommended_strategy(comparison: Comparison) -> None:
    metric = comparison.summary["selection_metric"]
    ours = [record for record in comparison.records if record.strategy == comparison.recommended]
    top = max(record.validation[metric] for record in ours)
    chosen = read_record(comparison.best)
    assert chosen in ours and chosen.validation[metric] == top
    assert (comparison.best / "model" / "config.json").is_file()


def test_comparison_json_has_the_keys_of_the_design(comparison: Comparison) -> None:
    summary = read_comparison(comparison.output)
    assert summary == comparison.summary
    keys = ["schema_version", "task", "data", "model", "selection_metric", "margin", "alpha", "recommendation"]
    keys += ["comparisons", "pareto", "sweep", "time_to_quality", "data_sizes", "baseline", "disagreements"]
    keys += ["label_suspects", "mistakes", "confusion", "weights", "trained_parts"]
    assert list(summary) == [*keys, "notes", "runs"]
    described = {"name", "sha256", "sizes", "tag_scheme", "labels", "read_by", "reading", "lengths"}
    assert set(summary["data"]) == described | {"label_counts", "checks", "notes"}
    assert summary["data"]["sizes"] == SIZES
    assert set(summary["recommendation"]) == {"strategy", "model_name", "reasons", "what_would_change"}
    assert summary["recommendation"]["strategy"] in ("full", "lora:r=2") and summary["recommendation"]["reasons"]
    assert [(pair["split"], pair["a"], pair["b"]) for pair in summary["comparisons"]] == [
        ("validation", "full", "lora:r=2"),
        ("test", "full", "lora:r=2"),
    ]
    for pair in summary["comparisons"]:
        assert pair["verdict"] in ("better", "worse", "tie", "not enough data")
        assert pair["low"] <= pair["difference"] <= pair["high"] and 0 <= pair["p_value"] <= 1


def test_comparison_json_and_the_docs_name_the_same_keys(comparison: Comparison) -> None:
    docs = Path(__file__).parents[2].joinpath("docs", "comparison-schema.md").read_text(encoding="utf-8")
    for name in (
        *comparison.summary,
        *(field.name for field in fields(RunRecord)),
        *comparison.summary["comparisons"][0],
    ):
        assert f"`{name}`" in docs, name


def test_every_value_of_a_run_has_its_type(comparison: Comparison) -> None:
    hints = get_type_hints(RunRecord)
    for run in read_comparison(comparison.output)["runs"]:
        assert list(run) == [field.name for field in fields(RunRecord)]
        for name, value in run.items():
            assert admits(hints[name], value), (name, value)


def admits(hint: Any, value: Any) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        return any(admits(option, value) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(admits(get_args(hint)[1], inner) for inner in value.values())
    if get_origin(hint) is list:
        return isinstance(value, list) and all(admits(get_args(hint)[0], inner) for inner in value)
    if hint is Any:
        return True
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is hint  # a bool is no int here


def test_the_numbers_of_a_record_agree(comparison: Comparison) -> None:
    for folder, record in runs_of(comparison):
        assert record.status == "done" and record.error is None
        assert record.train_examples == SIZES["train"]
        assert (record.epochs_run, record.epochs_planned, record.steps) == (2, 2, 2 * math.ceil(36 / 4))
        assert record.learning_rate == 2e-2 and record.precision == "fp32"
        assert record.history == list(read_lines(folder / "metrics.jsonl"))
        assert [entry["epoch"] for entry in record.history] == [1.0, 2.0]
        metric = record.selection_metric
        assert metric == {"classification": "macro_f1", "tagging": "entity_f1"}[record.task]
        scores = [entry["validation"][metric] for entry in record.history]
        best = record.history[scores.index(max(scores))]
        assert record.best_epoch == best["epoch"]
        assert record.seconds_to_best == best["seconds"]
        assert record.validation == pytest.approx(best["validation"], abs=1e-6)
        assert record.trainable_parameters is not None and record.total_parameters is not None
        whole = record.trainable_parameters == record.total_parameters
        assert whole == (record.strategy == "full")
        assert record.flops and record.tokens_per_second and record.train_seconds and record.evaluate_seconds
        if not torch.cuda.is_available():  # other runs shared the process: tests/experiments/test_processes.py
            assert record.peak_memory_bytes is None
        kept = sum(file.stat().st_size for file in (folder / "model").rglob("*") if file.is_file())
        assert record.save_seconds and record.disk_bytes == kept
        assert record.cache_seconds is None and record.cache_fill_seconds is None
        assert record.fit_seconds == pytest.approx(record.train_seconds + record.evaluate_seconds, abs=0.01)
        assert record.test_seconds and record.threads == torch.get_num_threads()
        assert record.model == (folder / "model").relative_to(comparison.output).as_posix()
        assert list(record.tests) == ["news"]


def test_no_checkpoints_are_left(comparison: Comparison) -> None:
    for folder, _ in runs_of(comparison):
        assert not (folder / "checkpoints").exists()


def test_no_pickle_anywhere(comparison: Comparison) -> None:
    suffixes = {path.suffix for path in comparison.output.rglob("*") if path.is_file()}
    assert not suffixes & {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}


def test_predictions_are_complete_and_in_order(comparison: Comparison, corpora: dict[str, dict[str, Any]]) -> None:
    data = corpora[comparison.summary["task"]]
    labels = comparison.summary["data"]["labels"]
    for folder, _ in runs_of(comparison):
        rows = list(read_lines(folder / "predictions.jsonl"))
        expected = [(split, i) for split in ("validation", "test", "news") for i in range(SIZES[split])]
        assert [(row["split"], row["index"]) for row in rows] == expected
        for row in rows:
            assert set(row) == {"split", "index", "gold", "predicted", "scores"}
            gold = data[row["split"]][row["index"]][1]
            assert row["gold"] == gold
            if isinstance(gold, str):
                assert len(row["scores"]) == len(labels) and sum(row["scores"]) == pytest.approx(1, abs=1e-5)
                assert row["predicted"] == labels[row["scores"].index(max(row["scores"]))]
            else:
                assert len(row["scores"]) == len(row["predicted"]) == len(gold)
                assert set(row["predicted"]) <= set(labels)


def test_rescoring_the_predictions_gives_the_record(comparison: Comparison) -> None:
    rescore = {"classification": by_scikit_learn, "tagging": by_seqeval}[comparison.summary["task"]]
    for folder, record in runs_of(comparison):
        for split, scores in (("validation", record.validation), ("test", record.test), ("news", record.tests["news"])):
            rows = read_predictions(folder, split)
            expected = rescore([row["gold"] for row in rows], [row["predicted"] for row in rows])
            assert set(scores) == set(expected) | {"loss"}
            assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def by_scikit_learn(gold: list[str], predicted: list[str]) -> dict[str, float]:
    scores = {"accuracy": sk.accuracy_score(gold, predicted), "mcc": sk.matthews_corrcoef(gold, predicted)}
    for average in ("macro", "weighted"):
        values = sk.precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)
        scores |= dict(zip((f"{average}_precision", f"{average}_recall", f"{average}_f1"), values, strict=False))
    return scores


def by_seqeval(gold: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
    from seqeval.scheme import IOB2

    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    scores = {}
    for label, options in (("entity", {"zero_division": 0}), ("strict_entity", strict)):
        scores[f"{label}_precision"] = precision_score(gold, predicted, **options)
        scores[f"{label}_recall"] = recall_score(gold, predicted, **options)
        scores[f"{label}_f1"] = f1_score(gold, predicted, **options)
    scores["accuracy"] = sk.accuracy_score([*chain(*gold)], [*chain(*predicted)])
    return scores


def test_the_model_card_holds_the_measured_numbers(comparison: Comparison) -> None:
    import yaml

    for folder, record in runs_of(comparison):
        card = (folder / "model" / "README.md").read_text(encoding="utf-8")
        _, front, body = card.split("---\n", 2)
        values = yaml.safe_load(front)
        assert values["base_model"] == "bert-2-AutoModel" and f"strategy:{record.strategy}" in values["tags"]
        metrics = {one["type"]: one["value"] for one in values["model-index"][0]["results"][0]["metrics"]}
        assert metrics == pytest.approx(record.test, abs=5e-5)
        for name, value in record.validation.items():
            assert f"| {name} | {value:.4f} | {record.test[name]:.4f} |" in body
