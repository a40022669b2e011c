"""`unfreeze predict` on models from elsewhere: their own heads are used, and random ones are refused."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import unfreeze
from unfreeze.cli import main

TEXT, PAIR = "we saw anna in lima", "a happy day"


def predicted(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    code = main(["predict", *arguments])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return [json.loads(line) for line in captured.out.splitlines()]


def test_hidden_words(model: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = model("bert", "BertForMaskedLM")
    [ours] = predicted(capsys, folder, "we saw [MASK]", "--task", "fill-mask", "--top-k", "2")
    stock = transformers.pipeline("fill-mask", folder)("we saw [MASK]", top_k=2)
    assert [one["token_str"] for one in ours] == [one["token_str"] for one in stock]
    for short in ("mlm", "tlm"):  # as `pretrain --objective` takes them
        assert predicted(capsys, folder, "we saw [MASK]", "--task", short, "--top-k", "2") == [ours]
    assert main(["predict", folder, "we saw", "--task", "fill-mask"]) == 2
    assert "there is no [MASK] in it" in capsys.readouterr().err


def test_next_sentence(model: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = model("bert", "BertForNextSentencePrediction")
    [ours] = predicted(capsys, folder, TEXT, "--text-pair", PAIR, "--task", "next-sentence")
    assert predicted(capsys, folder, TEXT, "--text-pair", PAIR, "--task", "nsp") == [ours]
    assert unfreeze.predict(folder, {"text": TEXT, "text_pair": PAIR}, task="nsp") == [ours]
    network = transformers.BertForNextSentencePrediction.from_pretrained(folder).eval()
    inputs = transformers.AutoTokenizer.from_pretrained(folder)(TEXT, PAIR, return_tensors="pt")
    with torch.inference_mode():
        scores = network(**inputs).logits.softmax(-1)[0]
    assert ours == {"label": ("next", "random")[int(scores.argmax())], "score": pytest.approx(float(scores.max()))}


def test_replaced_tokens(model: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = model("electra", "ElectraForPreTraining")
    [ours] = predicted(capsys, folder, TEXT, "--task", "replaced-token")
    assert predicted(capsys, folder, TEXT, "--task", "rtd") == [ours]
    network = transformers.ElectraForPreTraining.from_pretrained(folder).eval()
    inputs = transformers.AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt")
    with torch.inference_mode():
        scores = network(**inputs).logits.sigmoid()[0]
    expected = [i for i in range(1, len(scores) - 1) if scores[i] >= 0.5]
    assert [one["index"] for one in ours] == expected
    assert all(one["score"] == pytest.approx(float(scores[one["index"]]), abs=1e-6) for one in ours)


@pytest.mark.parametrize(
    ("base", "head", "labels"),
    [("electra", "ElectraForPreTraining", {}), ("bert", "BertForTokenClassification", {0: "original", 1: "replaced"})],
)
def test_every_token_with_its_probability_of_being_replaced(
    model: Callable[..., str], capsys: pytest.CaptureFixture[str], base: str, head: str, labels: dict[int, str]
) -> None:
    """Of a network with one logit a token, and of one with two."""
    names = {"id2label": labels, "label2id": {name: i for i, name in labels.items()}} if labels else {}
    folder = model(base, head, **names)
    [ours] = predicted(capsys, folder, TEXT, "--task", "rtd", "--explain")
    [window] = ours["windows"]
    network = getattr(transformers, head).from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(TEXT, return_tensors="pt")
    with torch.inference_mode():
        logits = network(**inputs).logits[0]
    expected = logits.softmax(-1)[:, 1] if labels else logits.sigmoid()
    assert [row["token"] for row in window] == tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    assert [row["scores"]["replaced"] for row in window] == pytest.approx(expected.tolist(), abs=1e-6)
    said = {one["index"]: one["score"] for one in ours["prediction"]}
    likely = {i: one["scores"]["replaced"] for i, one in enumerate(window) if one["scores"]["replaced"] >= 0.5}
    assert said == {i: score for i, score in likely.items() if 0 < i < len(window) - 1}
    assert unfreeze.load(folder, task="rtd").explain([TEXT, "a day"])[0] == window


def test_questions(model: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = model("bert", "BertForQuestionAnswering")
    [ours] = predicted(capsys, folder, "the house", "--context", TEXT)
    assert ours.keys() == {"answer", "score", "start", "end"} and ours["answer"] in TEXT
    file = tmp_path / "asked.jsonl"
    file.write_text(json.dumps({"question": "the house", "context": TEXT}) + "\n", encoding="utf-8")
    assert predicted(capsys, folder, "--file", str(file), "--task", "question-answering") == [ours]
    assert len(predicted(capsys, folder, "the house", "--context", TEXT, "--top-k", "3")[0]) == 3


def test_scores_of_each_token(model: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = model("bert", "BertForQuestionAnswering")
    [ours] = predicted(capsys, folder, "the house", "--context", TEXT, "--explain")
    [window] = ours["windows"]
    for side in ("start", "end"):
        assert sum(row["scores"][side] for row in window) == pytest.approx(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert [row["token"] for row in window] == tokenizer.convert_ids_to_tokens(
        tokenizer("the house", TEXT)["input_ids"]
    )
    tagger = model("bert", "BertForTokenClassification", num_labels=5)
    [ours] = predicted(capsys, tagger, TEXT, "--explain", "--aggregation-strategy", "none")
    [window] = ours["windows"]
    first = next(row for row in window if row["token"] not in ("[CLS]", "[SEP]"))
    best = max(first["scores"], key=first["scores"].get)
    assert ours["prediction"][0]["entity"] == best and len(first["scores"]) == 3
    assert ours["prediction"][0]["score"] == pytest.approx(first["scores"][best], abs=1e-6)
    classifier = model("bert", "BertForSequenceClassification", num_labels=3)
    assert main(["predict", classifier, TEXT, "--explain"]) == 2
    assert "answers come from whole texts" in capsys.readouterr().err


def test_features(family_folder: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = family_folder("bert")
    [vectors] = predicted(capsys, folder, TEXT, "--task", "feature-extraction")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert len(vectors) == len(tokenizer(TEXT)["input_ids"]) and len(vectors[0]) == 16


def test_features_of_a_model_that_was_trained_on_lower_case(
    family_folder: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(family_folder("bert"), tmp_path / "lower"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"unfreeze": {"lower_case": True}}))
    shouted, quiet = (
        predicted(capsys, str(folder), text, "--task", "feature-extraction") for text in (TEXT.upper(), TEXT.lower())
    )
    assert shouted == quiet


def test_other_pipelines_by_their_name(model: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    labels = {"num_labels": 3}
    folder = model("bert", "BertForSequenceClassification", **labels)
    [ours] = predicted(capsys, folder, TEXT, "--task", "text-classification")
    stock = transformers.pipeline("text-classification", folder)(TEXT)[0]
    assert ours["label"] == stock["label"] and ours["score"] == pytest.approx(stock["score"], abs=1e-6)
    rated = model("bert", "BertForSequenceClassification", num_labels=1)
    assert predicted(capsys, rated, TEXT)[0]["label"] == "value"


@pytest.mark.parametrize(
    "task", ["fill-mask", "next-sentence", "replaced-token", "question-answering", "token-classification"]
)
def test_a_random_head_is_refused(
    family_folder: Callable[..., str], capsys: pytest.CaptureFixture[str], task: str
) -> None:
    assert main(["predict", family_folder("bert"), TEXT, "--text-pair", PAIR, "--task", task]) == 2
    said = capsys.readouterr().err
    assert "has no head for " in said
    assert "would be random" in said or "its labels are others" in said
    assert main(["predict", family_folder("bert"), TEXT, "--task", "summarization"]) == 2
    assert "--task summarization: expected one of" in capsys.readouterr().err


def failed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["predict", *words]) == 2
    said = capsys.readouterr()
    assert not said.out
    return said.err


def test_a_head_for_other_labels_does_not_answer(model: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    names = {"id2label": {0: "next", 1: "random"}, "label2id": {"next": 0, "random": 1}}
    for labels, task in (({"num_labels": 3}, "next-sentence"), (names, "sentence-order")):
        folder = model("bert", "BertForSequenceClassification", **labels)
        said = failed(capsys, folder, TEXT, "--text-pair", PAIR, "--task", task)
        assert f"has no head for {task} (" in said
    assert predicted(capsys, folder, TEXT, "--text-pair", PAIR, "--task", "next-sentence")


def test_texts_longer_than_the_network_reads_are_refused(
    model: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    long = "we saw [MASK] " + "the house " * 40
    masked = model("bert", "BertForMaskedLM")
    assert "tokens, and the network reads 64 at once" in failed(capsys, masked, long)
    assert "tokens, the network reads 64" in failed(capsys, masked, long, "--task", "feature-extraction")
    assert len(predicted(capsys, masked, "we saw [MASK]", "--top-k", "5000")[0]) > 20  # all there are


def test_what_a_task_does_not_take_is_refused(
    model: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    texts = model("bert", "BertForSequenceClassification", num_labels=3)
    tags = model("bert", "BertForTokenClassification", num_labels=3)
    lines = tmp_path / "lines.jsonl"
    for content, message in (
        ("5", "lines.jsonl:1: expected a text, a list of words or an object"),
        ("null", "lines.jsonl:1: expected a text"),
        ('{"text": null}', 'expected texts in {"text": ...}'),
        ('{"text": "a", "text_pair": 5}', "expected texts in"),
        ('["a", 5]', "expected a text, or a list of words"),
    ):
        lines.write_text(content, encoding="utf-8")
        assert message in failed(capsys, texts, "--file", str(lines)), content
    lines.write_text('{"text": "a", "text_pair": "b"}', encoding="utf-8")
    assert "has its own" in failed(capsys, texts, "--file", str(lines), "--text-pair", "c")
    assert "expected {" in failed(capsys, tags, "a day", "--text-pair", "b")
    lines.write_text('{"text": "we saw anna"}', encoding="utf-8")
    assert predicted(capsys, tags, "--file", str(lines)) == predicted(capsys, tags, "we saw anna")
    assert "is not for --task feature-extraction" in failed(
        capsys, texts, "a", "--task", "feature-extraction", "--top-k", "2"
    )
    assert "nothing more to show" in failed(capsys, model("bert", "BertForMaskedLM"), "a [MASK]", "--explain")


@pytest.mark.parametrize(("base", "prefix"), [("roberta", "Roberta"), ("deberta-v2", "DebertaV2")])
@pytest.mark.parametrize(
    ("task", "head", "labels"),
    [
        ("masked-lm", "MaskedLM", ()),
        ("replaced-token", "TokenClassification", ("original", "replaced")),
        ("next-sentence", "SequenceClassification", ("next", "random")),
        ("sentence-order", "SequenceClassification", ("in order", "swapped")),
    ],
)
def test_the_case_is_that_of_training(
    model: Callable[..., str], base: str, prefix: str, task: str, head: str, labels: tuple[str, ...]
) -> None:
    """For tokenizers that keep it; special tokens are not changed, however they are spelled."""
    from unfreeze.inference.predictor import load_predictor

    names = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    cased = load_predictor(model(base, f"{prefix}For{head}", **(names if labels else {})), task=task)
    lower = dataclasses.replace(cased, lower_case=True)
    mask = cased.tokenizer.mask_token
    for written in ("We SAW {} in LIMA", "{}{}ANNA", "WE saw"):
        text, low = written.format(mask, mask), written.lower().format(mask, mask)
        if mask not in text and task == "masked-lm":
            continue
        pair = task in ("next-sentence", "sentence-order")
        ours, expected, other = (
            one.predict({"text": given, "text_pair": given} if pair else given)
            for one, given in ((lower, text), (cased, low), (cased, text))
        )
        assert ours == expected
        assert ours != other or ours == [[]]


def test_inputs_in_python(model: Callable[..., str]) -> None:
    from unfreeze.tasks import TaskError

    masked, texts = model("bert", "BertForMaskedLM"), model("bert", "BertForSequenceClassification", num_labels=3)
    for folder in (masked, texts):
        predictor = unfreeze.load(folder)
        assert predictor.predict([]) == []
        for wrong in (None, 5, b"abc", [None], [b"abc"]):
            with pytest.raises(TaskError, match="expected a text"):
                predictor.predict(wrong)


def test_a_faulty_input_is_named_by_file_and_line(
    model: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = model("bert", "BertForQuestionAnswering")
    lines = tmp_path / "asked.jsonl"
    good, bad = json.dumps({"question": "the house", "context": TEXT}), json.dumps({"question": "the house"})
    lines.write_text(f"{good}\n{good}\n{bad}\n", encoding="utf-8")
    assert f"--file {lines}:3: {{'question'" in failed(capsys, asks, "--file", str(lines))
    assert f"--file {lines}:3: {{'question'" in failed(capsys, asks, "--file", str(lines), "--explain")
    assert f"--file {lines}:1: --context: " in failed(capsys, asks, "--file", str(lines), "--context", "a day")
    lines.write_text(f"{good}\n5\n", encoding="utf-8")
    assert f"--file {lines}:2: expected a text" in failed(capsys, asks, "--file", str(lines))
    # Objects are not looked for in plain lines: these are texts.
    monkeypatch.setattr("sys.stdin", io.StringIO(good + "\n"))
    said = failed(capsys, asks)
    assert "standard input:1: " in said and "reads objects from a file that ends in .jsonl" in said
    monkeypatch.setattr("sys.stdin", io.StringIO("the house\n\n"))
    assert "standard input:2: question '': is empty" in failed(capsys, asks, "--context", "a day")

    texts = tmp_path / "texts.txt"
    pairs = model("bert", "BertForNextSentencePrediction")
    rated = model("bert", "BertForSequenceClassification", num_labels=3)
    tags = model("bert", "BertForTokenClassification", num_labels=3)
    replaced = model("electra", "ElectraForPreTraining")
    masked = model("bert", "BertForMaskedLM")
    for folder, first, second, *task in (
        (masked, "we [MASK]", "we saw"),
        (masked, "we", "the " * 99, "--task", "feature-extraction"),
        (replaced, "we", "the " * 99, "--task", "replaced-token"),
    ):
        texts.write_text(f"{first}\n{second}\n", encoding="utf-8")
        assert f"error: --file {texts}:2: {second[:6]!r}"[:-1] in failed(capsys, folder, "--file", str(texts), *task)
    for folder, content, *task in (
        (pairs, '{"text": "a", "text_pair": "b"}', "--task", "nsp"),
        (rated, '"a"'),
        (tags, '"a"'),
    ):
        lines.write_text(f'{content}\n{{"texts": 5}}\n', encoding="utf-8")
        assert f"error: --file {lines}:2: {{'texts'" in failed(capsys, folder, "--file", str(lines), *task)
