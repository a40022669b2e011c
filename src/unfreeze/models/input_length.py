"""How many tokens a model takes."""

from __future__ import annotations

from typing import Any

# Their positions start behind the padding index, so that many of the position embeddings are never used.
OFFSET_POSITIONS = (
    "camembert",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
)


def longest_input(config: Any, tokenizer: Any) -> int | None:
    """Tokens, special ones included, that both network and tokenizer take; None where neither states a limit."""
    limits = []
    positions = getattr(config, "max_position_embeddings", None)
    if positions:
        padding = 1 if config.model_type == "mpnet" else int(config.pad_token_id or 0)  # MPNet's is fixed in its code
        offset = padding + 1 if config.model_type in OFFSET_POSITIONS else 0
        limits.append(int(positions) - offset)
    # A tokenizer without a limit says so with a number beyond any length.
    if tokenizer.model_max_length < 10**9:
        limits.append(int(tokenizer.model_max_length))
    return min(limits, default=None)
