"""The README of a model: numbers that were measured, and names that stay names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from unfreeze.experiments.model_card import model_card
from unfreeze.storage.records import RunRecord

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b|c",
    "[x](javascript:alert(1)) ![y](https://e.org/y.png) <https://e.org>",
    "`code` ``more",
    "x\n\n# heading\n\n---\nkey: value",
    "*a* _b_ ~~c~~ &lt;",
    "\x1b[31m\x85\u202e\ud800 \x00",
    "trailing\\",
]


def card(name: str) -> str:
    record = RunRecord(
        name, 1, name, "classification", "done", learning_rate=1e-3, epochs_run=3, best_epoch=2.0, trains=name,
        validation={"macro_f1": 0.5}, test={"macro_f1": 0.25},
    )  # fmt: skip
    labels = SimpleNamespace(names=(name, "other"))
    prepared: Any = SimpleNamespace(task=SimpleNamespace(pipeline="text-classification"), labels=labels)
    return model_card(record, prepared, name)


def parsed(text: str) -> tuple[dict[str, Any], list[str], set[str]]:
    """The front matter, the kinds of blocks, and what is within lines."""
    _, front, body = text.split("---\n", 2)
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)
    return yaml.safe_load(front), [one.type for one in tokens], {c.type for one in tokens for c in one.children or ()}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup(name: str) -> None:
    front, blocks, within = parsed(card(name))
    plain, expected, allowed = parsed(card("plain"))
    assert list(front) == list(plain)
    assert blocks == expected
    assert within <= allowed | {"text_special", "softbreak"}
    assert card(name).encode()


def test_plain_names_stay_readable() -> None:
    text = card("lora:r=8,target_modules=query+key")
    assert "fine-tuned with `lora:r=8,target_modules=query+key`" in text
    assert "| macro_f1 | 0.5000 | 0.2500 |" in text
    assert "Labels: lora:r=8,target_modules=query+key, other" in text
