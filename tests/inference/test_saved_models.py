"""What we save, any Hugging Face program loads: stock classes and pipelines give our predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file

from unfreeze.inference.predictor import load_predictor
from unfreeze.models.load import load_network
from unfreeze.models.save import save_model
from unfreeze.storage.records import RunRecord

SavedRuns = Callable[[str, str], dict[str, tuple[Path, RunRecord]]]

FAMILIES_TRIED = ["bert", "distilbert", "roberta", "albert", "modernbert"]
TASKS_TRIED = ["classification", "tagging"]
AUTO_CLASSES = {
    "classification": transformers.AutoModelForSequenceClassification,
    "tagging": transformers.AutoModelForTokenClassification,
}
TEXTS = ["we saw anna in berlin", "the happy day", "unbelievable grief", "a house in lima with karl"]

# The other pairs are slow tests.
FAST = (*(("bert", task) for task in TASKS_TRIED), ("albert", "classification"), ("modernbert", "tagging"))


def pairs_of(families: list[str]) -> list[Any]:
    return [
        pytest.param(family, task, marks=() if (family, task) in FAST else pytest.mark.slow)
        for family in families
        for task in TASKS_TRIED
    ]


each_pair = pytest.mark.parametrize(("family_name", "task"), pairs_of(FAMILIES_TRIED))


def stock_pipeline(folder: Path, task: str, **options: Any) -> Any:
    """The pipeline with stock classes alone; nothing of ours is called."""
    network = AUTO_CLASSES[task].from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    name = {"classification": "text-classification", "tagging": "token-classification"}[task]
    return transformers.pipeline(name, model=network, tokenizer=tokenizer, device="cpu", **options)


def loadable_folder(runs: dict[str, tuple[Path, RunRecord]], strategy: str) -> Path:
    folder = runs[strategy][0]
    return folder / ("model-merged" if "lora" in strategy else "model")


@each_pair
@pytest.mark.parametrize("strategy", ["full", "head", "freeze", "lora"])
def test_stock_pipeline_gives_our_predictions(
    saved_runs: SavedRuns, family_name: str, task: str, strategy: str
) -> None:
    runs = saved_runs(family_name, task)
    pipeline = stock_pipeline(loadable_folder(runs, strategy), task)
    ours = load_predictor(runs[strategy][0])  # the adapter itself where there is one
    if task == "classification":
        for expected, found in zip(pipeline(TEXTS), ours.predict(TEXTS), strict=True):
            assert found["label"] == expected["label"]
            assert found["score"] == pytest.approx(expected["score"], abs=1e-4)
        return
    # The stock pipeline tags word pieces; our tag of a word is that of its first piece.
    named = 0
    for text in TEXTS:
        words = text.split()
        encoding = pipeline.tokenizer(words, is_split_into_words=True)
        assert encoding["input_ids"] == pipeline.tokenizer(text)["input_ids"]
        by_piece = {one["index"]: one for one in pipeline(text, ignore_labels=[])}
        by_word = {one["index"]: one for one in ours.predict(text, aggregation_strategy="none")[0]}
        for i in range(len(words)):
            expected = by_piece[encoding.word_ids().index(i)]
            assert (by_word[i]["entity"] if i in by_word else "O") == expected["entity"]
            if i in by_word:
                named += 1
                assert by_word[i]["score"] == pytest.approx(float(expected["score"]), abs=1e-4)
    assert named, "nothing but O was compared"


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft's own
@each_pair
def test_peft_loads_the_adapter_as_well_as_the_merged_model(saved_runs: SavedRuns, family_name: str, task: str) -> None:
    for strategy in ("lora", "lora+pooler"):
        folder = saved_runs(family_name, task)[strategy][0]
        config = transformers.AutoConfig.from_pretrained(folder / "model")
        adapter = json.loads((folder / "model" / "adapter_config.json").read_text())
        assert adapter["task_type"] == {"classification": "SEQ_CLS", "tagging": "TOKEN_CLS"}[task]
        assert Path(adapter["base_model_name_or_path"]).is_absolute()
        base = AUTO_CLASSES[task].from_pretrained(adapter["base_model_name_or_path"], config=config)
        adapted = PeftModel.from_pretrained(base, folder / "model").eval()
        merged = AUTO_CLASSES[task].from_pretrained(folder / "model-merged").eval()
        inputs = transformers.AutoTokenizer.from_pretrained(folder / "model")(TEXTS[0], return_tensors="pt")
        with torch.inference_mode():
            assert torch.allclose(adapted(**inputs).logits, merged(**inputs).logits, atol=1e-4)
        assert merged.config.id2label == config.id2label


@each_pair
def test_labels_weights_and_tokenizer_are_as_a_hub_wants_them(
    saved_runs: SavedRuns, family_name: str, task: str
) -> None:
    names = {"classification": ["anger", "joy", "sadness"], "tagging": ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]}[task]
    for folder, _ in saved_runs(family_name, task).values():
        for model in (folder / "model", folder / "model-merged"):
            if not model.is_dir():
                continue
            config = json.loads((model / "config.json").read_text())
            assert config["id2label"] == {str(i): name for i, name in enumerate(names)}
            assert config["label2id"] == {name: i for i, name in enumerate(names)}
            tokenizer = json.loads((model / "tokenizer.json").read_text())
            assert tokenizer["truncation"] is None and tokenizer["padding"] is None
            weights = [path.name for path in model.iterdir() if path.suffix not in (".json", ".md", ".txt", ".model")]
            assert weights in (["model.safetensors"], ["adapter_model.safetensors"])


def test_what_training_set_on_the_tokenizer_is_not_saved(family_folder: Callable[..., str], tmp_path: Path) -> None:
    base = family_folder("bert")
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    tokenizer(["the day", "a"], truncation=True, max_length=3, padding="max_length")
    network = load_network(base, "AutoModelForSequenceClassification", 0, num_labels=3).network
    options = {"base": base, "auto_class": "AutoModelForSequenceClassification", "peft_type": "SEQ_CLS"}
    save_model(network, tokenizer, tmp_path / "model", trained=[], card="", **options)
    saved = json.loads((tmp_path / "model" / "tokenizer.json").read_text())
    assert saved["truncation"] is None and saved["padding"] is None


@pytest.mark.parametrize("strategy", ["full", "lora+pooler"])
@pytest.mark.parametrize("family_name", ["bert", "albert", pytest.param("distilbert", marks=pytest.mark.slow)])
def test_new_and_trained_weights_on_top_survive(saved_runs: SavedRuns, family_name: str, strategy: str) -> None:
    """The head and whatever else trained on top, against what another seed would draw."""
    folder, record = saved_runs(family_name, "classification")[strategy]
    saved = load_predictor(folder, device="cpu").network.state_dict()
    fresh = load_network(record.model_name, "AutoModelForSequenceClassification", 42, num_labels=3).network.state_dict()
    merged = loadable_folder({strategy: (folder, record)}, strategy)
    stock = load_file(merged / "model.safetensors")
    tops = [name for name in fresh if "classifier" in name or "pooler" in name]
    assert {name.split(".")[-2] for name in tops} & {"pooler", "pre_classifier", "dense"}
    for name in tops:
        assert not torch.equal(saved[name], fresh[name]), name  # it has trained
        assert torch.allclose(saved[name], stock[name], atol=1e-6), name


def test_an_adapter_is_found_from_any_directory(
    family_folder: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import unfreeze

    base = Path(family_folder("bert"))
    monkeypatch.chdir(base.parent)
    data = {
        split: [("the happy day", "joy"), ("tears and grief", "sad")] * 2 for split in ("train", "validation", "test")
    }
    done = unfreeze.train(
        strategy="lora:r=2", model=base.name, data=data, max_steps=1, speedups="off", output=tmp_path / "out"
    )
    assert done.records[0].error is None
    monkeypatch.chdir(tmp_path)
    assert unfreeze.predict("out", "happy")[0]["label"] in ("joy", "sad")


CHANGED_FAMILIES = ["bert", "albert", "distilbert", "modernbert"]
CHANGED = pairs_of(CHANGED_FAMILIES)


def is_stock(family: str, strategy: str) -> bool:
    """ModernBERT has mean pooling of its own."""
    return "adapter" not in strategy and ("pooling=mean" not in strategy or family == "modernbert")


@pytest.mark.parametrize(("family_name", "task"), CHANGED)
def test_networks_that_a_strategy_changed_score_as_recorded(
    saved_changes: SavedRuns, test_examples: Callable[[str], list[Any]], family_name: str, task: str
) -> None:
    for strategy, (folder, record) in saved_changes(family_name, task).items():
        for path in (folder, folder / "model", folder / "model-merged"):
            if path.is_dir():
                metrics = load_predictor(path).evaluate(test_examples(task)).metrics
                assert metrics == pytest.approx(record.test, abs=1e-3), (strategy, path.name)


@pytest.mark.parametrize(("family_name", "task"), CHANGED)
def test_stock_programs_agree_or_refuse(saved_changes: SavedRuns, family_name: str, task: str) -> None:
    for strategy, (folder, _) in saved_changes(family_name, task).items():
        if not is_stock(family_name, strategy):
            assert {path.name for path in folder.glob("model*")} == {"model"}
            with pytest.raises(OSError, match=r"no file named model\.safetensors"):
                stock_pipeline(folder / "model", task)
            continue
        loadable = folder / ("model-merged" if (folder / "model-merged").is_dir() else "model")
        pipeline, ours = stock_pipeline(loadable, task), load_predictor(folder, device="cpu")
        if task == "classification":
            for expected, found in zip(pipeline(TEXTS), ours.predict(TEXTS), strict=True):
                assert (found["label"], found["score"]) == (
                    expected["label"],
                    pytest.approx(expected["score"], abs=1e-4),
                )
        else:
            inputs = pipeline.tokenizer(TEXTS[0], return_tensors="pt")
            with torch.inference_mode():
                assert torch.allclose(pipeline.model(**inputs).logits, ours.network(**inputs).logits, atol=1e-4)


@pytest.mark.parametrize(
    "family_name",
    ["bert", "albert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("distilbert", "modernbert"))],
)
def test_what_loads_here_only_says_so(saved_changes: SavedRuns, family_name: str) -> None:
    sentence = "loads through unfreeze.load only"
    for strategy, (folder, record) in saved_changes(family_name, "classification").items():
        card = (folder / "model" / "README.md").read_text()
        stock = is_stock(family_name, strategy)
        assert (sentence in card) == any(sentence in note for note in record.notes) == (not stock)
        assert f'library_name: "{"transformers" if stock else "unfreeze"}"' in card


@pytest.mark.parametrize(
    "family_name",
    ["bert", "albert", *(pytest.param(name, marks=pytest.mark.slow) for name in ("distilbert", "modernbert"))],
)
def test_labels_and_tokenizer_come_along(saved_changes: SavedRuns, family_name: str) -> None:
    for folder, _ in saved_changes(family_name, "classification").values():
        config = json.loads((folder / "model" / "config.json").read_text())
        assert list(config["label2id"]) == ["anger", "joy", "sadness"]
        assert transformers.AutoTokenizer.from_pretrained(folder / "model")(TEXTS[0])["input_ids"]
