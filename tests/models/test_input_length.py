"""How long an input may be: the network's positions and the tokenizer's own limit."""

from __future__ import annotations

from types import SimpleNamespace as Some

import pytest

from unfreeze.models.input_length import longest_input

UNLIMITED = 10**30


@pytest.mark.parametrize(
    ("model_type", "positions", "tokenizer_limit", "longest"),
    [
        ("bert", 512, UNLIMITED, 512),
        ("bert", 512, 128, 128),
        ("roberta", 514, UNLIMITED, 512),
        ("bert", None, UNLIMITED, None),
    ],
)
def test_the_smaller_limit_counts(
    model_type: str, positions: int | None, tokenizer_limit: int, longest: int | None
) -> None:
    config = Some(model_type=model_type, max_position_embeddings=positions, pad_token_id=1)
    assert longest_input(config, Some(model_max_length=tokenizer_limit)) == longest
