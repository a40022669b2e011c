"""Exporting merged models, and what is refused before and after the comparison with the original."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from unfreeze.inference.export import Checked, ScoreLost, export
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.models.explained import ModelError
from unfreeze.storage.folders import OutputError

TEXTS = ["we saw anna in berlin", "the happy day", "unbelievable grief"]
WITHOUT_PEFT = """
import sys
sys.modules["peft"] = None
import torch, transformers
network = transformers.AutoModelForSequenceClassification.from_pretrained(sys.argv[1])
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
with torch.inference_mode():
    logits = network(**tokenizer(sys.argv[2:], padding=True, return_tensors="pt")).logits
print(logits.tolist())
"""


@pytest.fixture
def trained(workbench: Callable[..., Any], tmp_path: Path) -> Callable[..., Predictor]:
    """`trained("bert", "classification", "lora:r=2")`: a model trained for a moment, saved and loaded."""

    def make(family: str, task_name: str = "classification", strategy: str = "full") -> Predictor:
        bench = workbench(family, task_name, strategy, learning_rate=1e-2)
        bench.run()
        return load_predictor(bench.save(tmp_path / "model"), task=bench.task, max_length=48, device="cpu")

    return make


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft's own
@pytest.mark.parametrize(
    ("family_name", "strategy"),
    [
        ("bert", "lora:r=2"),
        ("bert", "lora:r=2,use_dora=true"),
        ("distilbert", "lora:r=2,use_rslora=true"),
        ("roberta", "peft:IA3"),
        ("modernbert", "lora:r=2"),
        ("albert", "full"),
    ],
)
def test_a_merged_model_is_a_stock_one_with_the_same_outputs(
    trained: Callable[..., Predictor],
    make_examples_of: Callable[..., Any],
    tmp_path: Path,
    family_name: str,
    strategy: str,
) -> None:
    original = trained(family_name, strategy=strategy)
    examples = make_examples_of("classification", 12, 2)
    done = export(original, "a model", tmp_path / "out", "merged", examples)
    assert done.checked is not None and done.checked.points_lost == 0
    assert done.checked.largest_output_difference < 1e-5
    names = {path.name for path in done.folder.iterdir()}
    assert names >= {"model.safetensors", "config.json", "tokenizer.json", "README.md", "export.json"}
    assert not any("adapter" in name for name in names)
    assert not any("lora" in name for name in load_file(done.folder / "model.safetensors"))
    stock = transformers.AutoModelForSequenceClassification.from_pretrained(done.folder)
    inputs = transformers.AutoTokenizer.from_pretrained(done.folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        assert torch.allclose(stock(**inputs).logits, original.network(**inputs).logits, atol=1e-5)
    assert stock.config.id2label == dict(enumerate(original.labels.names))
    again = load_predictor(done.folder, device="cpu")
    assert (again.max_length, again.task, again.labels) == (48, original.task, original.labels)
    assert json.loads((done.folder / "export.json").read_text())["checked"]["examples"] == 12
    assert "that of the original" in (done.folder / "README.md").read_text()


def test_a_merged_model_loads_in_a_process_that_has_no_peft(trained: Callable[..., Predictor], tmp_path: Path) -> None:
    original = trained("bert", strategy="lora:r=2")
    export(original, "a model", tmp_path / "out", "merged", None)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PEFT, str(tmp_path / "out"), *TEXTS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    logits = torch.tensor(json.loads(done.stdout))
    inputs = original.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        assert torch.allclose(logits, original.network(**inputs).logits, atol=1e-5)


def test_what_no_stock_class_computes_cannot_be_merged(trained: Callable[..., Predictor], tmp_path: Path) -> None:
    original = trained("bert", strategy="adapter:reduction_factor=4")
    with pytest.raises(ModelError, match=r"cannot be merged .* --format onnx"):
        export(original, "a model", tmp_path / "out", "merged", None)
    assert not (tmp_path / "out").exists()


def test_a_used_folder_is_left_alone(trained: Callable[..., Predictor], tmp_path: Path) -> None:
    original = trained("bert")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        export(original, "a model", tmp_path / "out", "merged", None)
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    with pytest.raises(OutputError, match="is a file"):
        export(original, "a model", tmp_path / "out" / "mine.txt", "merged", None)
    (tmp_path / "empty").mkdir()
    assert export(original, "a model", tmp_path / "empty", "merged", None).checked is None
    assert "not compared" in (tmp_path / "empty" / "README.md").read_text()


def test_the_first_of_two_exports_into_one_folder_has_it(
    trained: Callable[..., Predictor], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    """The second begins and ends while the first compares what it wrote."""
    original, output, done = trained("bert"), tmp_path / "out", []

    def meanwhile(words: str) -> None:
        done.append(export(original, "the quick one", output, "merged", None))

    examples = make_examples_of("classification", 12, 2)
    with pytest.raises(OutputError, match="something has come to lie there meanwhile"):
        export(original, "the slow one", output, "merged", examples, told=meanwhile)
    assert len(done) == 1 and "the quick one" in (output / "README.md").read_text()
    assert "slow" not in (output / "README.md").read_text()
    assert [one.name for one in tmp_path.iterdir() if "out" in one.name] == ["out"]
    assert load_predictor(output).predict(TEXTS) == original.predict(TEXTS)


def test_the_folder_that_one_is_in_is_not_replaced(
    trained: Callable[..., Predictor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = trained("bert")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in (Path(), here, Path("new/..")):
        with pytest.raises(OutputError, match="is the folder that you are in"):
            export(original, "a model", name, "merged", None)
    with pytest.raises(OutputError, match="is not empty"):
        export(original, "a model", Path(".."), "merged", None)
    assert not any(here.iterdir())
    (here / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(OutputError, match="is a file"):  # it leads nowhere
        export(original, "a model", Path("link"), "merged", None)
    (tmp_path / "elsewhere").mkdir()
    export(original, "a model", Path("link"), "merged", None)
    assert (here / "link").is_symlink() and (tmp_path / "elsewhere" / "export.json").is_file()


def test_a_worse_model_is_not_written(
    trained: Callable[..., Predictor], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    """The original answers with a bias that its weights do not have, as a broken export would lose one."""
    original = trained("bert")
    examples = [one for one in make_examples_of("classification", 30, 2) if one.label == "joy"]
    bias = torch.zeros(3)
    bias[original.labels.id("joy")] = 100.0
    original.network.classifier.register_forward_hook(lambda module, args, output: output + bias)
    assert original.evaluate(examples).metrics["macro_f1"] == 1.0
    with pytest.raises(ScoreLost, match=r"not written. macro_f1 .* points less, and 0.5 are allowed") as lost:
        export(original, "a model", tmp_path / "out", "merged", examples)
    assert not any("out" in path.name for path in tmp_path.iterdir())
    allowed = float(str(lost.value).split("--allow-difference ")[1].split()[0])
    done = export(original, "a model", tmp_path / "out", "merged", examples, allowed_points=allowed)
    assert done.checked is not None and 0.5 < done.checked.points_lost <= allowed
    assert done.checked.largest_output_difference == pytest.approx(100, rel=0.01)


def test_points_are_hundredths_and_a_score_that_is_no_number_is_refused() -> None:
    checked = Checked(10, "accuracy", 0.90, 0.89, 0.0)
    assert checked.points_lost == pytest.approx(1.0)
    assert not replace(checked, exported=float("nan")).points_lost <= 100


@pytest.mark.parametrize("format", ["onnx", "onnx-int8"])
def test_missing_packages_are_named(
    trained: Callable[..., Predictor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Any
) -> None:
    original = trained("bert")
    for name in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match=r"needs .*onnx.*onnxruntime.*pip install -e '\.\[onnx\]'"):
        export(original, "a model", tmp_path / "out", format, None)
    assert not any("out" in path.name for path in tmp_path.iterdir())


def test_an_onnx_folder_without_onnxruntime_says_what_to_install(
    trained: Callable[..., Predictor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained("bert")
    folder = tmp_path / "model"
    (folder / "model.safetensors").rename(folder / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"pip install -e '\.\[onnx\]'"):
        load_predictor(folder)
