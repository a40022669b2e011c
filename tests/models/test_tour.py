"""What a network is made of and what a tokenizer makes of a text, for every family."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from unfreeze.cli import main
from unfreeze.inference.predictor import load_predictor
from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.architecture import architecture_of
from unfreeze.models.load import load_network, load_tokenizer
from unfreeze.tasks.tokenisation import tokenised

TEXT, PAIR = "the happy house", "we saw anna"


def test_parameters_are_counted_once_and_add_up(family: str, family_folder: Callable[..., str]) -> None:
    network = load_network(family_folder(family), "AutoModelForTokenClassification", 0).network
    found = architecture_of(network, take_anatomy(network))
    assert sum(found.parameters.values()) == sum(p.numel() for p in network.parameters())
    assert found.shares_layers == (family == "albert")
    assert any("share 1 set of weights" in one for one in found.peculiarities) == (family == "albert")
    # Only these two have a table that may be narrower than the layers.
    factorised = found.embedding_size is not None
    assert factorised == any("factorised" in one for one in found.peculiarities)
    assert factorised <= (family in ("albert", "electra"))
    assert found.hidden_size == 16 and found.num_heads == 2


def test_tokens_are_those_of_the_tokenizer(family: str, family_folder: Callable[..., str]) -> None:
    tokenizer = load_tokenizer(family_folder(family))
    for pair in (None, PAIR):
        rows, stock = tokenised(tokenizer, TEXT, pair), tokenizer(TEXT, pair)
        assert [row.id for row in rows] == stock["input_ids"]
        assert [row.segment for row in rows] == list(stock.get("token_type_ids", [None] * len(rows)))
        texts = (TEXT, pair or "")
        for row in rows:
            assert (row.text is None) == (row.id in tokenizer.all_special_ids and row.characters is None)
            # A byte-level tokenizer may have a piece for the blank it puts before a text.
            if row.characters is not None and row.text is not None and row.token != "Ġ":
                assert texts[row.text][slice(*row.characters)]


@pytest.fixture
def slow_tokenizer(family_folder: Callable[..., str], tmp_path: Path) -> Any:
    """That of the tiny BERT without what only a fast tokenizer tells."""
    pieces = load_tokenizer(family_folder("bert")).get_vocab()
    (tmp_path / "vocab.txt").write_text("\n".join(sorted(pieces, key=pieces.__getitem__)), encoding="utf-8")
    tokenizer = transformers.BertTokenizerLegacy(str(tmp_path / "vocab.txt"))
    assert not tokenizer.is_fast
    return tokenizer


@pytest.mark.parametrize("texts", [(TEXT,), (TEXT, PAIR), ("", PAIR), ("[SEP] anna  [CLS]", "[SEP]")])
def test_a_slow_tokenizer_has_texts_and_words_too(
    family_folder: Callable[..., str], slow_tokenizer: Any, texts: tuple[str, ...]
) -> None:
    rows, expected = tokenised(slow_tokenizer, *texts), tokenised(load_tokenizer(family_folder("bert")), *texts)
    assert [(row.id, row.text, row.word) for row in rows] == [(row.id, row.text, row.word) for row in expected]
    for row, fast in zip(rows, expected, strict=True):
        assert (row.characters is None) == (fast.characters is None)
        if row.characters is not None and fast.characters is not None and row.text is not None:
            # The place of the whole word holds that of its piece.
            assert row.characters[0] <= fast.characters[0] < fast.characters[1] <= row.characters[1]
            assert " " not in texts[row.text][slice(*row.characters)]


def test_words_that_become_other_pieces_alone_have_no_number(slow_tokenizer: Any) -> None:
    tokenize = slow_tokenizer._tokenize
    slow_tokenizer._tokenize = lambda text: ["[UNK]"] if " " not in text else tokenize(text)
    rows = tokenised(slow_tokenizer, "we saw anna", "a happy day")
    assert {row.text for row in rows} == {None, 0, 1} and {row.word for row in rows} == {None}


def test_replaced_tokens_of_a_slow_tokenizer(
    family_folder: Callable[..., str], slow_tokenizer: Any, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = transformers.ElectraForPreTraining.from_pretrained(family_folder("electra"))
    network.discriminator_predictions.dense_prediction.bias.data.fill_(50.0)  # everything looks replaced
    network.save_pretrained(tmp_path / "model")
    slow_tokenizer.save_pretrained(tmp_path / "model")
    predictor = load_predictor(tmp_path / "model", task="replaced-token")
    assert not predictor.tokenizer.is_fast
    [found] = predictor.predict(TEXT)
    assert [one["index"] for one in found] == list(range(1, len(slow_tokenizer(TEXT)["input_ids"]) - 1))
    assert {TEXT[one["start"] : one["end"]] for one in found} == set(TEXT.split())


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_shows_both(
    family_folder: Callable[..., str], capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    model, json_flag = family_folder("bert"), ["--json"] if as_json else []
    assert main(["inspect", "--model", model, "--text", TEXT, "--text-pair", PAIR, *json_flag]) == 0
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)[model][0]["token"] == "[CLS]"
    else:
        assert "[CLS]" in printed and "segment" in printed
    assert main(["inspect", "--model", model, "--strategy", "full", *json_flag]) == 0
    printed = capsys.readouterr().out
    if as_json:
        [one] = json.loads(printed)
        assert one["architecture"]["num_layers"] == 2
        assert one["training_bytes"] == 16 * one["total_parameters"]
    else:
        assert "layers 2" in printed and "layer 2" in printed
    assert main(["inspect", "--text", TEXT]) == 2
    assert "Give --model and --text" in capsys.readouterr().err


def test_what_no_tokenizer_looks_at_is_said(
    family_folder: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["inspect", "--model", family_folder("bert"), "--text", TEXT, "--data", "none.csv"]
    assert main([*arguments, "--strategy", "lora", "--strategy", "full"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"{what} is not used: --text shows what the tokenizer makes of a text"
        for what in ("--data none.csv", "--strategy lora, full")
    ]


def test_an_empty_text_is_a_text(family_folder: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["inspect", "--model", family_folder("bert"), "--json"]
    assert main([*arguments, "--text", ""]) == 0
    [rows] = json.loads(capsys.readouterr().out).values()
    assert [row["token"] for row in rows] == ["[CLS]", "[SEP]"]
    assert main([*arguments, "--text-pair", ""]) == 2
    assert "Give --model and --text" in capsys.readouterr().err
    assert main([*arguments, "--text", TEXT, "--text-pair", ""]) == 2
    assert capsys.readouterr().err == "error: --text-pair '': is empty. Give a second text, or leave it out.\n"
