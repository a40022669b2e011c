"""The last hidden states of an encoder, as the feature-extraction pipeline gives them: a vector for each token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unfreeze.inference.predictor import lower_but
from unfreeze.models.input_length import longest_input
from unfreeze.models.load import load_config, load_network, load_tokenizer
from unfreeze.tasks.inputs import read_each, text_of
from unfreeze.tasks.task import TaskError


def token_vectors(model: str) -> Callable[[Sequence[Any]], list[Any]]:
    """What gives for each text one list of `hidden` numbers for each of its tokens, special ones included.

    It raises InputError for what is no text, or has more tokens than the network reads at once.

    Args:
        model: a folder or hub id.

    Raises:
        ModelError: the model cannot be loaded.
    """
    from transformers import pipeline

    network, tokenizer = load_network(model, "AutoModel", 0).network, load_tokenizer(model)
    config = load_config(model)
    longest = longest_input(config, tokenizer)
    lower_case = (getattr(config, "unfreeze", None) or {}).get("lower_case")  # as the texts that it was trained on
    extract = pipeline("feature-extraction", model=network, tokenizer=tokenizer)

    def readable(given: Any) -> str:
        text = text_of(given)
        text = lower_but(text, tokenizer.all_special_tokens) if lower_case else text
        tokens = len(tokenizer(text, verbose=False)["input_ids"])
        if longest is not None and tokens > longest:
            raise TaskError(f"{text[:60]!r}: {tokens} tokens, the network reads {longest}. Give it in parts.")
        return text

    return lambda texts: [extract(text)[0] for text in read_each(texts, readable)]
