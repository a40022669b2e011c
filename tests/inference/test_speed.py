"""Timing the engines, and that our fast path answers as the plain one does, whatever else is asked at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from unfreeze.acceleration.speedups import OFF
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.inference.requests import requests_of
from unfreeze.inference.speed import Plan, measure_speed
from unfreeze.models.explained import ModelError
from unfreeze.tasks import MaskedLM, QuestionAnswering, TaskError

QUICK = Plan(rounds=2, requests=4)


@pytest.fixture
def saved(workbench: Callable[..., Any], tmp_path: Path) -> Callable[..., tuple[str, Any]]:
    """`saved("bert", "tagging")`: the folder of an untrained model, and its task."""

    def make(family: str, task_name: str, strategy: str = "full") -> tuple[str, Any]:
        bench = workbench(family, task_name, strategy)
        bench.network.config.unfreeze = {"task": bench.task.name, "max_length": 48}
        return str(bench.save(tmp_path / f"{family}-{task_name}")), bench.task

    return make


def scores(found: list[Any]) -> list[float]:
    """The numbers of all answers, in an order that near ties do not change."""
    numbers: list[float] = []
    for one in found:
        rows = one if isinstance(one, list) else [one]
        numbers += [
            float(row["score"]) for row in sorted(rows, key=lambda row: str(row.get("label", row.get("index"))))
        ]
    return numbers


def _place(row: dict[str, Any]) -> str:
    return str(row.get("label", row.get("index")))


OPTIONS: dict[str, dict[str, Any]] = {
    "classification": {"top_k": None},
    "tagging": {"aggregation_strategy": "none"},
    "question-answering": {},
}


@pytest.mark.parametrize("task", list(OPTIONS))
def test_answers_are_those_of_the_plain_path_and_the_same_in_every_batch(
    family: str, task: str, saved: Callable[..., tuple[str, Any]], make_examples_of: Callable[..., Any]
) -> None:
    folder, kind = saved(family, task)
    fast = load_predictor(folder, task=kind, device="cpu")
    inputs = requests_of(make_examples_of(task, 40, 3), kind)
    together = fast.predict(inputs, **OPTIONS[task])
    plain = replace(fast, speedups=OFF).predict(inputs, **OPTIONS[task])
    assert scores(together) == pytest.approx(scores(plain), abs=1e-4)
    order = random.Random(0).sample(range(len(inputs)), len(inputs))
    shuffled = fast.predict([inputs[i] for i in order], **OPTIONS[task])
    assert scores([shuffled[order.index(i)] for i in range(len(inputs))]) == pytest.approx(scores(together), abs=1e-5)
    for i in (0, 7, 20):
        assert scores(fast.predict([inputs[i]], **OPTIONS[task])) == pytest.approx(scores([together[i]]), abs=1e-5)


def test_nothing_that_a_model_answers_depends_on_a_clock(saved: Callable[..., tuple[str, Any]]) -> None:
    folder, _ = saved("bert", "classification")
    chosen = {load_predictor(folder, device="cpu").speedups for _ in range(3)}
    assert len(chosen) == 1 and chosen.pop().precision.name == "fp32"


def test_another_precision_is_asked_for_and_can_be_had(saved: Callable[..., tuple[str, Any]]) -> None:
    folder, _ = saved("bert", "classification")
    plain = load_predictor(folder, device="cpu")
    with pytest.raises(ModelError, match="--precision fp16: expected fp32 or bf16"):
        plain.in_precision("fp16")  # type: ignore[arg-type]
    if torch.cpu._is_avx512_bf16_supported():
        rounded = load_predictor(folder, device="cpu", precision="bf16")
        found, expected = (scores(one.predict(["the happy day", "a"], top_k=None)) for one in (rounded, plain))
        assert found == pytest.approx(expected, abs=0.05) and found != expected
    else:
        with pytest.raises(ModelError, match="has no bf16 instructions"):
            load_predictor(folder, device="cpu", precision="bf16")


@pytest.mark.parametrize("task", ["classification", "tagging", "question-answering"])
def test_every_engine_is_timed_and_scored(
    task: str,
    saved: Callable[..., tuple[str, Any]],
    make_examples_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # an export takes long; see the slow tests
    folder, kind = saved("bert", task)
    examples = make_examples_of(task, 12, 3)
    said: list[str] = []
    before = torch.get_num_threads()
    found = measure_speed([folder], requests_of(examples, kind), examples, kind.selection_metric, QUICK, said.append)
    engines = {one.engine: one for one in found}
    stock = {name for name in engines if name.startswith("stock pipeline")}
    assert stock == (set() if task == "question-answering" else {f"stock pipeline, batch_size={n}" for n in (1, 32)})
    ours = engines["unfreeze fp32"]
    assert ours.score == load_predictor(folder, device="cpu").evaluate(examples).metrics[kind.selection_metric]
    if task == "classification":
        assert {engines[name].score for name in stock} == {ours.score}
    for one in found:
        assert 0 < one.slowest_round <= one.texts_per_second <= one.fastest_round
        batched = one.engine.endswith("=32")
        assert (one.latency_p50_ms is None) == batched
        assert batched or 0 < (one.latency_p50_ms or 0) <= (one.latency_p99_ms or 0)
        assert one.parameters == sum(p.numel() for p in load_predictor(folder).network.parameters())
        assert one.disk_bytes > (Path(folder) / "model.safetensors").stat().st_size
    assert torch.get_num_threads() == before
    assert any("pip install -e '.[onnx]'" in line for line in said)
    assert ("unfreeze bf16" in engines) == torch.cpu._is_avx512_bf16_supported()


@pytest.mark.slow
def test_onnx_is_timed_where_it_is_installed(
    saved: Callable[..., tuple[str, Any]], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    from unfreeze.inference.export import export

    for needed in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(needed)
    folder, kind = saved("bert", "classification")
    examples = make_examples_of("classification", 12, 3)
    inputs = requests_of(examples, kind)
    found = measure_speed([folder], inputs, examples, kind.selection_metric, QUICK)
    sizes = {one.engine: one.disk_bytes for one in found}
    assert sizes["ONNX int8"] < sizes["ONNX fp32"]
    assert {one.score for one in found if one.engine == "ONNX fp32"} == {
        one.score for one in found if one.engine == "unfreeze fp32"
    }
    export(load_predictor(folder, device="cpu"), folder, tmp_path / "onnx", "onnx", None)
    [alone] = measure_speed([str(tmp_path / "onnx")], inputs, examples, kind.selection_metric, QUICK)
    assert (alone.engine, alone.parameters) == ("ONNX, as it is", None)


def test_what_cannot_be_timed_says_why(saved: Callable[..., tuple[str, Any]]) -> None:
    folder, _ = saved("bert", "classification")
    with pytest.raises(TaskError, match="no text to answer"):
        measure_speed([folder], [], None, None, QUICK)
    with pytest.raises(TaskError, match="has no answers to be timed"):
        requests_of([], MaskedLM())
    assert requests_of([], QuestionAnswering()) == []


def test_threads_are_those_asked_for_and_put_back(
    saved: Callable[..., tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    folder, _ = saved("bert", "classification")
    seen: set[int] = set()
    predict = Predictor.predict
    monkeypatch.setattr(
        Predictor, "predict", lambda *given, **more: seen.add(torch.get_num_threads()) or predict(*given, **more)
    )
    before = torch.get_num_threads()
    found = measure_speed([folder], ["the happy day"], None, None, Plan(rounds=1, requests=1, threads=2))
    assert seen == {2} == {one.threads for one in found} and torch.get_num_threads() == before
    assert {one.score for one in found} == {None}
