"""Pretraining on plain text: every objective, from a checkpoint and from scratch, and what it leaves is a model."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from math import exp
from pathlib import Path
from typing import Any

import pytest
import transformers

import unfreeze
from unfreeze.data.findings import DataError
from unfreeze.data.request import DataRequest
from unfreeze.data.sources import load_corpus
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.learnt_nothing import learnt_nothing
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.pretrain import pretrain, pretrain_settings
from unfreeze.models.explained import ModelError
from unfreeze.models.scratch import Scratch
from unfreeze.reports.document import write_report
from unfreeze.settings import SettingsError
from unfreeze.storage.records import read_predictions
from unfreeze.tasks import TaskError

NAMES, PLACES, THINGS = ("anna", "karl", "maria"), ("berlin", "lima"), ("house", "day", "smile", "tears")


def corpus(folder: Path, passages: int = 60) -> Path:
    """Passages of sentences about one person, so that order and neighbours can be told."""
    rng = random.Random(0)
    blocks = []
    for _ in range(passages):
        name, place = rng.choice(NAMES), rng.choice(PLACES)
        first = f"We saw {name} in {place} with some {rng.choice(THINGS)}."
        blocks.append("\n".join([first, f"A day in {place}.", f"The {rng.choice(THINGS)} and {name}."]))
    file = folder / "corpus.txt"
    file.write_text("\n\n".join(blocks), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def pretrained(
    family_folder: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Comparison]:
    done: dict[str, Comparison] = {}

    def make(objective: str) -> Comparison:
        if objective not in done:
            folder = tmp_path_factory.mktemp(objective)
            values = {"data": str(corpus(folder)), "model": family_folder("bert"), "learning_rate": 5e-3, "epochs": 6}
            values |= {"output": folder / "out", "precision": "fp32", "early_stopping_patience": None}
            settings, _ = pretrain_settings(objective, values)
            done[objective] = pretrain(settings)
        return done[objective]

    return make


@pytest.mark.parametrize(
    ("objective", "values", "strategies", "rate"),
    [
        ("sop", {"model": "minilm"}, ["full"], 2e-5),
        ("nsp", {"model": "minilm"}, ["full"], 5e-5),
        ("nsp", {"model_name_or_path": "minilm", "strategy": "full"}, ["full"], 5e-5),
        ("sop", {"model": "minilm", "strategy": ["full", "head"]}, ["full:learning_rate=2e-05", "head"], None),
        ("sop", {"model": "minilm", "learning_rate": 1e-4}, ["full"], 1e-4),
        ("sop", {"model": "minilm", "lr_search": True}, ["full"], None),
        ("sop", {"model": "minilm", "strategy": "lora"}, ["lora"], None),
        ("sop", {}, ["full"], None),  # from scratch
        ("mlm", {"model": "minilm"}, ["full"], None),
    ],
)
def test_pairs_move_a_checkpoint_carefully(
    objective: str, values: dict[str, Any], strategies: list[str], rate: float | None
) -> None:
    settings, _ = pretrain_settings(objective, {"data": "texts.txt", **values})
    assert [str(one) for one in settings.strategies()] == strategies and settings.learning_rate == rate


@pytest.mark.parametrize("strategy", ["full", "lora"])
@pytest.mark.parametrize("objective", ["mlm", "rtd"])
def test_what_is_announced_is_what_trains(
    family_folder: Callable[..., str], tmp_path: Path, objective: str, strategy: str
) -> None:
    words: dict[str, str] = {}

    class Ear(Listener):
        def planned(self, cells: Sequence[Cell], what_trains: Mapping[str, str]) -> None:
            words.update(what_trains)

    values = {"data": str(corpus(tmp_path)), "model": family_folder("bert"), "strategy": strategy, "max_steps": 1}
    settings, _ = pretrain_settings(objective, values | {"output": tmp_path / "out"})
    [record] = pretrain(settings, listener=Ear()).records
    assert f"{record.trainable_parameters:,} of {record.total_parameters:,} parameters" in words[strategy]


METRICS = {"mlm": "accuracy", "nsp": "accuracy", "sop": "accuracy", "rtd": "balanced_accuracy"}


@pytest.mark.parametrize("objective", METRICS)
def test_every_objective_learns_and_leaves_a_model(pretrained: Callable[..., Comparison], objective: str) -> None:
    [record] = pretrained(objective).records
    assert record.status == "done" and record.selection_metric == METRICS[objective]
    losses = [entry["train_loss"] for entry in record.history]
    assert min(losses) < losses[0]
    folder = (pretrained(objective).output / str(record.model)).parent
    network = transformers.AutoModel.from_pretrained(folder / "model")
    assert network.config.hidden_size == 16
    assert not any("generator" in name for name, _ in network.named_parameters())
    rows = read_predictions(folder, "test")
    assert all(len(row["gold"]) == len(row["predicted"]) == len(row["scores"]) for row in rows)
    items = [(gold, said) for row in rows for gold, said in zip(row["gold"], row["predicted"], strict=True)]
    assert items
    if "accuracy" in record.test:
        assert record.test["accuracy"] == pytest.approx(sum(g == s for g, s in items) / len(items))


def test_an_objective_that_learnt_nothing_is_told() -> None:
    gold = [["next", "random"], ["random"]]
    assert learnt_nothing(gold, [["next", "next"], ["next"]], [], "pair") == "predicts next for every pair"
    assert learnt_nothing(gold, [["next", "random"], ["next"]], [], "pair") is None


def test_perplexity_is_that_of_the_loss(pretrained: Callable[..., Comparison]) -> None:
    [record] = pretrained("mlm").records
    assert record.test["perplexity"] == pytest.approx(exp(record.test["loss"]), rel=1e-4)
    assert record.validation["perplexity"] < record.history[0]["validation"]["perplexity"]


def test_what_pretraining_left_is_trained_further(pretrained: Callable[..., Comparison], tmp_path: Path) -> None:
    adapted = pretrained("mlm").output
    rows = [(f"we saw {word}", "joy" if word == "smile" else "sad") for word in ("smile", "tears")] * 12
    data = {"train": rows, "validation": rows[:6], "test": rows[:6]}
    done = unfreeze.compare(
        model=[str(adapted)], data=data, strategy=["head"], seeds=1, epochs=1, output=tmp_path / "out"
    )
    assert done.records[0].status == "done"


def test_hidden_words_are_filled(pretrained: Callable[..., Comparison]) -> None:
    model = unfreeze.load(pretrained("mlm").output)
    [found] = model.predict("we saw [MASK] in berlin", top_k=3)
    assert len(found) == 3 and found[0].keys() == {"score", "token", "token_str", "sequence"}
    with pytest.raises(TaskError, match=r"there is no \[MASK\] in it"):
        model.predict("we saw anna")


def test_pairs_and_tokens_are_judged(pretrained: Callable[..., Comparison]) -> None:
    pair = {"text": "We saw anna in lima.", "text_pair": "A day in lima."}
    for objective, labels in (("nsp", {"next", "random"}), ("sop", {"in order", "swapped"})):
        [found] = unfreeze.load(pretrained(objective).output).predict(pair)
        assert found["label"] in labels and 0.5 <= found["score"] <= 1
    found = unfreeze.load(pretrained("rtd").output).predict(["we saw anna"])
    assert all(one["entity"] == "replaced" for row in found for one in row)


def test_mpnet_from_scratch_reads_whole_windows(tmp_path: Path) -> None:
    """Its padding has the number 1, and its positions start behind that."""
    file = tmp_path / "long.txt"
    file.write_text("\n\n".join(f"we saw {i} " + "anna in lima " * 40 for i in range(12)), encoding="utf-8")
    values = {"data": str(file), "output": tmp_path / "out", "max_steps": 2, "precision": "fp32", "max_length": 64}
    done = pretrain(pretrain_settings("mlm", values)[0], Scratch("mpnet", "wordpiece", 300, 16, 2, 2, 32, 64))
    assert done.records[0].status == "done", done.records[0].error
    tokenizer = transformers.AutoTokenizer.from_pretrained(done.best / "model")
    assert tokenizer.pad_token_id == 1 != tokenizer.unk_token_id


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_from_scratch(tmp_path: Path, kind: Any) -> None:
    values = {"data": str(corpus(tmp_path)), "output": tmp_path / "out", "epochs": 1, "precision": "fp32"}
    settings, _ = pretrain_settings("mlm", values)
    scratch = Scratch("bert", kind, 300, 16, 2, 2, 32, 64)
    done = pretrain(settings, scratch)
    assert done.records[0].status == "done"
    tokenizer = transformers.AutoTokenizer.from_pretrained(done.best / "model")
    assert len(tokenizer) <= 300 and tokenizer.mask_token == "[MASK]"
    text = "we saw anna in lima"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True).strip() == text
    assert tokenizer("a", "b")["token_type_ids"][-1] == 1
    with pytest.raises(SettingsError, match="say where to begin"):
        pretrain(settings.model_copy(update={"model": ("minilm",)}), scratch)


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "albert", "electra"])
def test_a_model_from_scratch_has_the_sizes_asked_for(tmp_path: Path, model_type: str) -> None:
    Scratch(model_type, vocab_size=60, **SMALL).write(tmp_path / "model", ["we saw anna in lima"], 0)
    network = transformers.AutoModel.from_pretrained(tmp_path / "model")
    shapes = [tuple(one.shape) for one in network.parameters()]
    assert (48, 32) in shapes and (32, 48) in shapes
    assert network.get_input_embeddings().weight.shape[1] == 32


@pytest.mark.parametrize(
    ("scratch", "says"),
    [
        (Scratch("foo"), r"foo: no family of masked language models. Expected e.g. bert, roberta, electra.*v2\.$"),
        (Scratch("t5"), r"t5: no family of masked language models. Expected e.g. bert, roberta, electra"),
        (Scratch("xlnet"), r"--from-scratch xlnet: no family of masked language models"),
        (Scratch("funnel"), r"funnel: --num-hidden-layers, .* is no size of this family. Expected e.g. bert"),
        (Scratch("xlm"), r"xlm: --intermediate-size is no size of this family"),
        (Scratch("mobilebert", vocab_size=60, **SMALL), r"mobilebert: cannot be built in these sizes \(.*negative dim"),
        (Scratch(hidden_size=30), r"bert: cannot be built in these sizes \(.*\). Give others, or another family\.$"),
        (Scratch(vocab_size=5), r"--vocab-size 5: the characters of the texts and the special tokens alone are 19 "),
        (
            Scratch(tokenizer="bpe", vocab_size=50),
            r"--vocab-size 50: the bytes and .* alone are 261 .* Give at least 2",
        ),
    ],
)
def test_what_cannot_be_made_from_scratch_is_refused(scratch: Scratch, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=says):
        scratch.write(tmp_path / "model", ["we saw anna in lima"], 0)
    assert list(tmp_path.iterdir()) == []


def test_another_beginning_is_not_mistaken_for_one_that_is_there(tmp_path: Path) -> None:
    values = {"data": str(corpus(tmp_path)), "output": tmp_path / "out", "epochs": 1, "precision": "fp32"}
    scratch = Scratch("bert", "wordpiece", 300, 16, 2, 2, 32, 64)
    settings, _ = pretrain_settings("mlm", values | {"max_steps": 1})
    pretrain(settings, scratch)
    weights = (tmp_path / "out-from-scratch" / "model.safetensors").read_bytes()
    pretrain(settings, scratch)
    assert (tmp_path / "out-from-scratch" / "model.safetensors").read_bytes() == weights
    other = Scratch("electra", "bpe", 400, 32, 1, 2, 32, 64)
    with pytest.raises(SettingsError, match="holds a model of another family, size, tokenizer, seed or text"):
        pretrain(settings, other)
    done = pretrain(settings.model_copy(update={"overwrite": True}), other)
    assert transformers.AutoConfig.from_pretrained(done.best / "model").model_type == "electra"


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_the_pooler_is_kept_for_the_next_task(family_folder: Callable[..., str], tmp_path: Path, strategy: str) -> None:
    """A masked language model has none."""
    from safetensors.torch import load_file

    base = family_folder("bert")
    values = {"data": str(corpus(tmp_path)), "model": base, "output": tmp_path / "out", "max_steps": 2}
    done = pretrain(pretrain_settings("mlm", values | {"strategy": strategy, "precision": "fp32"})[0])
    folder = done.best / ("model" if strategy == "full" else "model-merged")
    known = load_file(Path(base) / "model.safetensors")
    network, report = transformers.AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert (network.pooler.dense.weight == known["pooler.dense.weight"]).all()
    assert (network.embeddings.word_embeddings.weight != known["embeddings.word_embeddings.weight"]).any() == (
        strategy == "full"
    )


def test_what_has_no_generator_is_not_scored(pretrained: Callable[..., Comparison]) -> None:
    done = pretrained("rtd")
    file = corpus(done.output.parent)
    from unfreeze.data.read_settings import ReadSettings
    from unfreeze.data.readers.plain_text import read_plain_text

    examples = read_plain_text(file, ReadSettings(task="replaced-token"))
    with pytest.raises(TaskError, match="left behind when a model is saved"):
        unfreeze.load(done.output).evaluate(examples)


def test_runs_that_replace_other_tokens_are_compared_by_their_scores(
    family_folder: Callable[..., str], tmp_path: Path
) -> None:
    """Each run has answers of its own, so that no two can be read side by side; nor does a saved model answer."""
    values = {"data": str(corpus(tmp_path)), "strategy": ["full", "lora"], "seeds": 2, "max_steps": 2}
    values["model"] = [family_folder("bert"), family_folder("bert", 3)]
    done = pretrain(pretrain_settings("rtd", values | {"output": tmp_path / "out"})[0])
    assert [record.status for record in done.records] == ["done"] * 8
    assert done.summary["comparisons"] == [] and done.summary["disagreements"] is None
    assert any("no pairwise tests" in note for note in done.summary["notes"]) and "speeds" not in done.summary
    assert (write_report(done.output)).is_file()


@pytest.mark.parametrize("objective", ["mlm", "rtd"])
def test_texts_may_spell_out_special_tokens(family_folder: Callable[..., str], tmp_path: Path, objective: str) -> None:
    file = tmp_path / "special.txt"
    file.write_text("\n\n".join(f"we [MASK] the day [SEP] {i} lima [UNK] tears" for i in range(40)), encoding="utf-8")
    values = {"data": str(file), "model": family_folder("bert"), "output": tmp_path / "out", "max_steps": 3}
    [record] = pretrain(pretrain_settings(objective, values | {"precision": "fp32"})[0]).records
    assert record.status == "done", record.error


def test_translations_are_read_in_pairs(family_folder: Callable[..., str], tmp_path: Path) -> None:
    lines = [f"we saw {name} in {place}\tkarl {place} {name}" for name in NAMES for place in PLACES] * 8
    file = tmp_path / "pairs.tsv"
    file.write_text("\n".join(f"{line} {i}" for i, line in enumerate(lines)), encoding="utf-8")
    values = {"data": str(file), "model": family_folder("bert"), "epochs": 1, "output": tmp_path / "out"}
    [record] = pretrain(pretrain_settings("tlm", values)[0]).records
    assert record.status == "done" and record.test["perplexity"] > 1
    file.write_text("\n".join(["sentence1\tsentence2", *lines]), encoding="utf-8")
    corpus = load_corpus(DataRequest(data=str(file), task="translation-lm"))
    assert sum(map(len, (corpus.train, corpus.validation, *corpus.tests.values()))) == len(lines)  # the names are none
    file.write_text("only one column\nanother\n", encoding="utf-8")
    broken = pretrain_settings("tlm", values | {"format": "parallel", "output": tmp_path / "other"})[0]
    with pytest.raises(DataError, match="1 columns, expected a sentence and its translation"):
        pretrain(broken)


def test_mistakes_are_told(family_folder: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--objective clm: expected one of mlm"):
        pretrain_settings("clm", {})
    file = tmp_path / "one.txt"
    file.write_text("\n\n".join(f"Only one sentence here {i}" for i in range(12)), encoding="utf-8")
    for objective in ("nsp", "sop"):
        values = {"data": str(file), "model": family_folder("bert"), "output": tmp_path / objective}
        with pytest.raises(TaskError, match="no passage has two sentences"):
            pretrain(pretrain_settings(objective, values)[0])
